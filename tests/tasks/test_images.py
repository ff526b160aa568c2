import contextlib
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from headfreeze.errors import InputError
from headfreeze.tasks.images import read_npy, read_png, size_of, with_extension, write_npy, write_png

RNG = np.random.default_rng(0)


def values(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def png(width: int = 2, height: int = 2, bits: int = 8, colour: int = 0, raw: bytes | None = None) -> bytes:
    """A PNG put together by hand, its checksums right."""
    row = bytes((width * bits * {0: 1, 2: 3, 4: 2}[colour] + 7) // 8 + 1)
    raw = zlib.compress(row * height) if raw is None else raw
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", raw), (b"IEND", b""))
    packed = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_written_pngs_are_read_back_and_pillow_and_opencv_agree(tmp_path: Path, dtype: type, channels: int) -> None:
    path, expected = tmp_path / "a.png", values((5, 7, channels), dtype)
    write_png(expected, path)
    got = read_png(path)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, expected)
    theirs = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).reshape(5, 7, channels)
    np.testing.assert_array_equal(theirs[..., ::-1], expected)
    if (dtype, channels) != (np.uint16, 3):  # Pillow would cut it to 8 bits
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image).reshape(5, 7, channels), expected)
    assert size_of(path) == (5, 7)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_what_pillow_writes_is_read(tmp_path: Path, mode: str) -> None:
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "P": 1}[mode]
    expected = values((6, 4, channels), np.uint8)
    image = Image.fromarray(expected.squeeze())
    if mode == "P":
        image.putpalette(RNG.permutation(768).astype(np.uint8).tolist())
    image.save(tmp_path / "a.png")
    assert image.mode == mode
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("mode", ["L", "P"])
def test_small_bit_depths_keep_their_values(tmp_path: Path, bits: int, mode: str) -> None:
    expected = RNG.integers(0, 2**bits, (5, 9, 1), np.uint8)
    if mode == "P":
        image = Image.fromarray(expected[..., 0])
        image.putpalette([9, 9, 9] * 2**bits)
        image.save(tmp_path / "a.png", bits=bits)
    else:
        packed = np.packbits(np.unpackbits(expected, axis=-1)[..., -bits:].reshape(5, -1), axis=-1)
        raw = zlib.compress(b"".join(b"\0" + row.tobytes() for row in packed))
        (tmp_path / "a.png").write_bytes(png(9, 5, bits, 0, raw))
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), expected)


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_keeps_all_its_bits_and_order(tmp_path: Path, channels: int) -> None:
    bgr = values((3, 5, channels), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), bgr)
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), bgr[..., [2, 1, 0, 3][:channels]])


def test_sixteen_bit_grey_with_alpha_keeps_its_two_channels(tmp_path: Path) -> None:
    expected = values((3, 5, 2), np.uint16)
    raw = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in expected))
    (tmp_path / "a.png").write_bytes(png(5, 3, 16, 4, raw))
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), expected)


def test_gamma_and_colour_profile_chunks_change_no_value(tmp_path: Path) -> None:
    expected = values((4, 4, 3), np.uint8)
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100000))
    Image.fromarray(expected).save(tmp_path / "a.png", pnginfo=info, icc_profile=b"x" * 200)
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), expected)


@given(st.data())
def test_a_cut_or_changed_png_is_refused_or_its_values_are_untouched(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "a.png"
    bits = data.draw(st.sampled_from([8, 16]))
    expected = values((6, 5, 3), np.uint8 if bits == 8 else np.uint16)
    write_png(expected, path)
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :])
    with pytest.raises(InputError, match=f"{path}: (empty file|not a PNG|PNG cut off|damaged PNG|PNG claims)"):
        read_png(path)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("raw", [b"", b"junk", zlib.compress(b"\0" * 3)])
def test_a_broken_stream_under_right_checksums_is_refused(tmp_path: Path, bits: int, raw: bytes) -> None:
    (tmp_path / "a.png").write_bytes(png(4, 4, bits, 2, raw))
    with pytest.raises(InputError, match=r"a\.png: damaged PNG \(.+\); write the file again"):
        read_png(tmp_path / "a.png")


def test_messages_name_the_file_the_fault_and_the_repair(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(InputError, match=r"a\.png: cannot be read \(no such file or directory\)"):
        read_png(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png: empty file; write the file again"):
        read_png(path)
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "JPEG")
    path.write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match=r"a\.png: not a PNG; labels must be saved without loss, as PNG or \.npy"):
        read_png(path)
    path.write_bytes(png()[:40])
    with pytest.raises(InputError, match=r"a\.png: PNG cut off after 40 bytes; write the file again"):
        read_png(path)
    path.write_bytes(png()[:-12])
    with pytest.raises(InputError, match=rf"a\.png: PNG cut off after {len(png()) - 12} bytes"):
        read_png(path)
    path.write_bytes(png().replace(b"IDAT", b"IDAX"))
    with pytest.raises(
        InputError, match=r"a\.png: damaged PNG \(checksum of 'IDAX' at byte 33\); write the file again"
    ):
        read_png(path)
    path.write_bytes(png(bits=5))
    with pytest.raises(InputError, match=r"a\.png: damaged PNG header; write the file again"):
        read_png(path)
    path.write_bytes(png(width=100_000, height=100_000, raw=b""))
    with pytest.raises(InputError, match=r"a\.png: PNG claims 100000 × 100000 pixels; at most 67108864 are read"):
        read_png(path)
    with pytest.raises(InputError, match=r"cannot be read \(is a directory\)"):
        read_png(tmp_path)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_npy_files_of_every_layout_are_read(tmp_path: Path, order: str, dtype: type | str) -> None:
    expected = np.asarray(RNG.normal(size=(4, 6, 3)), dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", expected)
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), expected)
    assert size_of(tmp_path / "a.npy") == (4, 6)
    with (tmp_path / "b.npy").open("wb") as f:
        np.lib.format.write_array(f, expected, version=(2, 0))
    np.testing.assert_array_equal(read_npy(tmp_path / "b.npy"), expected)


@given(st.data())
def test_a_cut_npy_is_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("damage") / "a.npy"
    write_npy(np.zeros((3, 4), np.float32), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(InputError, match=f"{path}: (empty file|not a .npy file|[0-9]+ bytes of values where shape)"):
        read_npy(path)


@given(st.data())
def test_a_changed_npy_header_never_escapes_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "a.npy"
    write_npy(np.zeros((3, 4), np.float32), path)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, 127))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    for read in (read_npy, size_of):
        with contextlib.suppress(InputError):
            read(path)


def test_messages_about_npy_files_name_the_fault_and_the_repair(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with pytest.raises(InputError, match=r"a\.npy: cannot be read \(no such file or directory\)"):
        read_npy(path)
    np.save(path, np.zeros((3, 4), np.float32))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"a\.npy: 43 bytes of values where shape \(3, 4\) of float32 needs 48; write"):
        read_npy(path)
    np.save(path, np.array([[{}]]), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy: holds pickled Python objects, which are never loaded"):
        read_npy(path)
    np.savez(tmp_path / "b.npz", a=np.zeros(3))
    (tmp_path / "b.npz").rename(path)
    with pytest.raises(InputError, match=r"a\.npy: not a \.npy file, or its header is damaged; write the file again"):
        read_npy(path)
    np.save(path, np.zeros((0, 4), np.float32))
    with pytest.raises(InputError, match=r"a\.npy: shape \(0, 4\) holds no pixels"):
        read_npy(path)
    np.save(path, np.zeros(5, np.float32))
    with pytest.raises(InputError, match=r"a\.npy: shape \(5,\) has no height and width; save an array \(h, w\)"):
        size_of(path)


def test_an_absurd_shape_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as f:
        np.lib.format.write_array_header_1_0(f, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**9)})
    with pytest.raises(InputError, match=r"0 bytes of values where shape \(1000000000, 1000000000\) of float32"):
        read_npy(path)


def test_the_size_is_read_from_the_header_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(7, 3)[:40])
    assert size_of(tmp_path / "a.png") == (3, 7)
    (tmp_path / "a.png").write_bytes(png(7, 3)[:20])
    with pytest.raises(InputError, match=r"a\.png: PNG cut off after 20 bytes"):
        size_of(tmp_path / "a.png")


def test_extensions_are_kept_where_known_and_appended_where_not() -> None:
    kinds = (".png", ".npy")
    assert with_extension(Path("a/01"), kinds) == Path("a/01.png")
    assert with_extension(Path("a/01.npy"), kinds) == Path("a/01.npy")
    assert with_extension(Path("a/01.PNG"), kinds) == Path("a/01.PNG")
    assert with_extension(Path("a/frame.0001"), kinds) == Path("a/frame.0001.png")
