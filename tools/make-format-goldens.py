"""Writes formats/testdata/: files by NumPy, the safetensors library and GNU tar, against which our own formats are tested.

Run from the root of the repository: python3 tools/make-format-goldens.py (needs numpy, safetensors and GNU tar;
made with numpy 2.4.6, safetensors 0.8.0, tar 1.34). Every file has distinct values, so that a swap shows.
"""

import os
import shutil
import subprocess
import tempfile

import numpy
import safetensors.numpy

TARGET = os.path.join("formats", "testdata")


def arrays():
    return {
        "f32": (numpy.arange(6, dtype=numpy.float32) * 1.5 - 2).reshape(2, 3),
        "f16": numpy.array([[0.5, -1.25, 65504, numpy.inf]], dtype=numpy.float16),
        "i32": numpy.array([-(2**31), -1, 0, 7, 2**31 - 1], dtype=numpy.int32),
        "u8": numpy.arange(24, dtype=numpy.uint8).reshape(2, 3, 4),
    }


def steps():
    """Small whole numbers, and what each column counts: two arrays in one file."""
    return numpy.array([[-127, 0, 5], [127, -1, 64]], dtype=numpy.int8), numpy.array([0.5, 2, 0.25], dtype=numpy.float32)


def main():
    os.makedirs(TARGET, exist_ok=True)
    for name, array in arrays().items():
        numpy.save(os.path.join(TARGET, f"{name}.npy"), array)
    with open(os.path.join(TARGET, "steps.npy"), "wb") as file:
        for array in steps():
            numpy.save(file, array)
    numpy.save(os.path.join(TARGET, "scalar.npy"), numpy.float32(3.25))
    numpy.save(os.path.join(TARGET, "empty.npy"), numpy.zeros((0, 4), numpy.float32))
    numpy.save(os.path.join(TARGET, "fortran.npy"), numpy.asfortranarray(arrays()["f32"]))
    numpy.save(os.path.join(TARGET, "f64.npy"), numpy.array([1.0, 2.0]))

    tensors = {f"z/{name}": array for name, array in arrays().items()}
    tensors["a"] = numpy.array([9], dtype=numpy.uint8)
    tensors["b.mask"] = numpy.array([True, False, True])
    tensors["scalar"] = numpy.array(3.25, dtype=numpy.float32)
    tensors["\u00e9"] = numpy.array([4, 5], dtype=numpy.float32)
    safetensors.numpy.save_file(tensors, os.path.join(TARGET, "mixed.safetensors"), {"format": "np"})

    with tempfile.TemporaryDirectory() as folder:
        write(folder, "000.txt", b"first\n")
        write(folder, "000.cls", b"")
        write(folder, "sub/001.bin", bytes(range(256)) * 3)
        write(folder, "d" * 60 + "/" + "e" * 60 + "/prefix.txt", b"fits name and prefix")
        write(folder, "l" * 120 + ".txt", b"needs more than ustar")
        for fmt in ("ustar", "gnu", "pax"):
            names = ["000.txt", "000.cls", "sub", "d" * 60 + "/" + "e" * 60 + "/prefix.txt"]
            if fmt != "ustar":
                names.append("l" * 120 + ".txt")
            subprocess.run(
                ["tar", "--format", fmt, "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=0644",
                 *(["--pax-option=delete=atime,delete=ctime"] if fmt == "pax" else []),
                 "--sort=name", "-b", "1", "-C", folder, "-cf", os.path.abspath(os.path.join(TARGET, f"{fmt}.tar")), *names],
                check=True,
            )
        # What packTar writes for the same members: files only, names of at most 100 bytes.
        subprocess.run(
            ["tar", "--format", "ustar", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=0644",
             "-b", "1", "-C", folder, "-cf", os.path.abspath(os.path.join(TARGET, "plain.tar")), "000.txt", "sub/001.bin"],
            check=True,
        )


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    if shutil.which("tar") is None:
        raise SystemExit("GNU tar is needed")
    main()
