"""Pickles put together by hand, and torch checkpoints around them: what no pickler would write."""

import io
import pickle
import struct
import zipfile

START = b"\x80\x02"


def text(value):
    """Text."""
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def whole(value):
    """A whole number."""
    if 0 <= value < 256:
        return b"K" + bytes([value])
    data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def several(*parts):
    """A tuple."""
    return b"(" + b"".join(parts) + b"t"


def named(module, name):
    """A name to be found."""
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def call(module, name, *arguments):
    """A call of a name."""
    return named(module, name) + several(*arguments) + b"R"


def storage(key="0", count=4, kind="FloatStorage"):
    """A reference to a storage."""
    return several(text("storage"), named("torch", kind), text(key), text("cpu"), whole(count)) + b"Q"


def tensor(held=None, offset=0, shape=(4,), strides=(1,)):
    """A tensor on a storage."""
    return call("torch._utils", "_rebuild_tensor_v2", held or storage(), whole(offset), several(*map(whole, shape)),
                several(*map(whole, strides)))


def tensors(**parts):
    """A state_dict."""
    return b"}(" + b"".join(text(name) + part for name, part in parts.items()) + b"u"


def doubling(levels, pack=b"\x86", start=b")"):
    """A tuple of itself twice, so many times: 2^levels objects for who looks into each; left on the stack."""
    return start + b"".join(b"q" + bytes([number % 256]) + b"h" + bytes([number % 256]) + pack
                            for number in range(levels))


def write_zip(path, content, members=None, method=zipfile.ZIP_STORED):
    """A checkpoint of torch 1.6 and later; members: data/NAME -> bytes."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", START + content + b".")
        for name, data in ({"0": bytes(16)} if members is None else members).items():
            archive.writestr(f"archive/data/{name}", data)


def write_legacy(path, content, storages=None):
    """A checkpoint of torch before 1.6; storages: name -> (count, bytes)."""
    storages = {"0": (4, bytes(16))} if storages is None else storages
    stream = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(value, stream, protocol=2)
    stream.write(START + content + b".")
    pickle.dump(sorted(storages), stream, protocol=2)
    for _, (count, data) in sorted(storages.items()):
        stream.write(struct.pack("<q", count) + data)
    path.write_bytes(stream.getvalue())
