from pathlib import Path

from frcnn_keras.readers.yolo_images import find_pictures
from tests.yolo_files import picture, text


def find(entries, root):
    told = []
    pictures = find_pictures(entries, root, lambda *fault: told.append(fault))
    return [path.relative_to(root).as_posix() for path in pictures.files], pictures, told


def test_one_folder(tmp_path):
    for name in ("t/images/a.jpg", "t/images/sub/b.png", "t/images/.hidden.jpg", "t/labels/c.jpg"):
        picture(tmp_path / name)
    names, pictures, _ = find([tmp_path / "t"], tmp_path)
    assert names == ["t/images/a.jpg", "t/images/sub/b.png"] and not pictures.listed
    assert [pictures.folder.id_of(path) for path in pictures.files] == ["a.jpg", "sub/b.png"]


def test_several_folders_and_lists(tmp_path):
    for name in ("one/a.jpg", "two/a.jpg", "two/b.jpg"):
        picture(tmp_path / name)
    names, pictures, _ = find([tmp_path / "one", tmp_path / "two"], tmp_path)
    assert names == ["one/a.jpg", "two/a.jpg", "two/b.jpg"] and not pictures.listed
    assert [pictures.folder.id_of(path) for path in pictures.files] == names
    lines = text(tmp_path / "lists/train.txt", f"../two/b.jpg\n\n/elsewhere/one/a.jpg\n{tmp_path}/two/b.jpg\nnone.jpg\n"
                                               ".\\two\\a.jpg\n")
    names, pictures, told = find([lines], tmp_path)
    assert names == ["two/b.jpg", "one/a.jpg", "two/a.jpg"] and pictures.listed and pictures.repeated == 1
    (file, message, item), = told
    assert (Path(file), item) == (lines, "line 4") and "'none.jpg'" in message
