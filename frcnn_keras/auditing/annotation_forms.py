"""Corrected labels as annotation files of the forms that the readers read: name of each file, and its content."""

from frcnn_keras.files import to_json
from frcnn_keras.runs import label_files as forms
from frcnn_keras.runs.evaluated import Evaluated, EvaluatedImage
from frcnn_keras.runs.label_files import Labelled

FORMS = ("coco", "voc", "yolo")


def written(audited: Evaluated, form: str) -> dict[str, bytes]:
    """Files of a form, by their paths below a folder of their own. Pictures are not among them.

    coco: instances.json. voc: Annotations/, an XML a picture. yolo: labels/ beside the pictures' tree, and data.yaml.

    Raises:
        InputError: two pictures would share a file, or a class's name has no place in the form.
    """
    labelled = [_labelled(image) for image in audited.images]
    if form == "coco":
        return {"instances.json": (to_json(_coco(audited, labelled)) + "\n").encode()}
    names = forms.LabelNames(form)
    if form == "voc":
        return {names.of(one.file): forms.voc_xml(one, audited.class_names) for one in labelled}
    files = {names.of(one.file): forms.yolo_lines(one) for one in labelled}
    return {**files, "data.yaml": forms.yolo_names(audited.class_names)}


def _labelled(image: EvaluatedImage) -> Labelled:
    return Labelled(image.number, image.file, image.width, image.height, image.boxes, image.labels,
                    image.annotations.tolist(), image.ignored)


def _coco(audited: Evaluated, labelled: list[Labelled]) -> dict:
    """COCO's instances form, in the ids of ground_truth.json."""
    return {"info": {"description": f"{audited.name}, corrected"},
            "images": [forms.coco_image(one) for one in labelled],
            "categories": forms.coco_categories(audited.category_ids, audited.class_names),
            "annotations": [entry for one in labelled for entry in forms.coco_annotations(one, audited.category_ids)]}
