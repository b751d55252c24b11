"Every kind of bad picture, made for it; and the hundreds that Pillow tests itself with"
import json, os, struct, subprocess, sys, tarfile, zlib
from importlib.metadata import version

import numpy as np
import pytest
from PIL import Image

from mmfuse_nb.data.images import Scan, load_pictures, picture_bytes, read_picture, scan_picture, scan_pictures

RED, WHITE = (255, 0, 0), (255, 255, 255)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMFUSE_CACHE", str(tmp_path/"cache"))
    monkeypatch.delenv("MMFUSE_MAX_PIXELS", raising=False)


@pytest.fixture
def root(tmp_path):
    (tmp_path/"root").mkdir()
    return tmp_path/"root"


def noise(size=(60, 40), mode="RGB"):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)).convert(mode)


def seen(root, name):
    "What the scan says of a file, and its pixel at the top left"
    scan = scan_picture(root, name)
    assert scan.reason is None and len(scan.digest) == 64
    return scan.notes, read_picture(picture_bytes(root, name)).getpixel((0, 0))


def refused(root, name):
    scan = scan_picture(root, name)
    assert scan.digest is None and scan.notes == ()
    return scan.reason


# Files that cannot be used, and the exact words

def test_zero_byte(root):
    (root/"a.png").touch()
    assert refused(root, "a.png") == "file is empty" == scan_picture(root, b"").reason


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_truncated(root, kind):
    noise().save(root/"a", kind)
    (root/"b").write_bytes((root/"a").read_bytes()[:-200])
    assert refused(root, "b") == "file is truncated"


def bomb(w, h):
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 1, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0"*9)) + chunk(b"IEND", b"")


def test_bomb_is_refused_by_its_header(root, monkeypatch):
    (root/"a.png").write_bytes(bomb(10_000, 9_000))
    (root/"b.png").write_bytes(bomb(100_000, 100_000))
    assert refused(root, "a.png") == "picture of 10000×9000 pixels is too large: the limit is 50,000,000 (MMFUSE_MAX_PIXELS)"
    assert refused(root, "b.png") == "picture is too large: the limit is 50,000,000 pixels (MMFUSE_MAX_PIXELS)"
    noise().save(root/"c.png")
    assert scan_pictures(root, ["c.png"])[0].reason is None
    monkeypatch.setenv("MMFUSE_MAX_PIXELS", "1_000")
    assert scan_pictures(root, ["c.png"])[0].reason == "picture of 60×40 pixels is too large: the limit is 1,000 (MMFUSE_MAX_PIXELS)"
    monkeypatch.setenv("MMFUSE_MAX_PIXELS", "lots")
    with pytest.raises(ValueError, match="MMFUSE_MAX_PIXELS must be a number of pixels such as 50000000. Received: 'lots'."): read_picture(bomb(5, 5))


@pytest.mark.parametrize("content", [b"no picture at all", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\0"*500])
def test_text_named_jpg(root, content):
    (root/"a.jpg").write_bytes(content)
    assert refused(root, "a.jpg") == "no picture of a known format (PNG, JPEG, WEBP, GIF, BMP, TIFF, PPM)"


def test_paths(root, tmp_path):
    noise().save(tmp_path/"secret.png")
    (root/"folder").mkdir()
    (root/"link.png").symlink_to(tmp_path/"secret.png")
    (root/"inside.png").symlink_to("good.png")
    (root/"away").symlink_to(tmp_path)
    noise().save(root/"good.png")
    os.mkfifo(root/"pipe.png")
    out = "path leaves the root folder"
    for path, reason in {"../secret.png": out, str(tmp_path/"secret.png"): out, "link.png": out, "away/secret.png": out, "folder": "not a file",
            "pipe.png": "not a file", "none.png": "no such file", "a\0b": "path is not valid", "x"*5000: "cannot be opened: File name too long",
            "inside.png": None, "folder/../good.png": None}.items():
        assert scan_picture(root, path).reason == reason, path


# Files that can be used, and what is done to them

@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animated(root, kind):
    frames = [Image.new("RGB", (9, 9), c) for c in (RED, "blue", "green")]
    frames[0].save(root/"a", kind, save_all=True, append_images=frames[1:], **{"lossless": True} if kind == "WEBP" else {})
    notes, pixel = seen(root, "a")
    assert "animated, the first frame is used" in notes and pixel == RED


def test_pages(root):
    Image.new("RGB", (9, 9), RED).save(root/"a.tif", save_all=True, append_images=[Image.new("RGB", (9, 9))])
    assert seen(root, "a.tif") == (("several pages, the first is used",), RED)


def test_palette_with_transparency(root):
    im = Image.new("P", (9, 9), 1)
    im.putpalette([0, 0, 255, *RED])
    im.putpixel((0, 0), 0)
    im.save(root/"a.png", transparency=0)
    assert seen(root, "a.png") == (("palette, converted to RGB", "alpha, laid on white"), WHITE)
    im.save(root/"b.png")
    assert seen(root, "b.png") == (("palette, converted to RGB",), (0, 0, 255))


@pytest.mark.parametrize("mode, colour, kind, notes, pixel", [
    ("1", 1, "PNG", ("black and white, converted to RGB",), WHITE),
    ("L", 90, "PNG", ("grey, converted to RGB",), (90,)*3),
    ("L", 90, "JPEG", ("grey, converted to RGB",), (90,)*3),
    ("LA", (0, 128), "PNG", ("grey, converted to RGB", "alpha, laid on white"), (127,)*3),
    ("RGBA", (255, 0, 0, 128), "PNG", ("alpha, laid on white",), (255, 127, 127)),
    ("RGBA", (0, 0, 0, 0), "WEBP", ("alpha, laid on white",), WHITE),
    ("CMYK", (0, 255, 255, 0), "JPEG", ("CMYK, converted to RGB",), RED),
    ("CMYK", (0, 255, 255, 0), "TIFF", ("CMYK, converted to RGB",), RED),
    ("I;16", 32896, "PNG", ("16 bits, converted to 8",), (128,)*3),
    ("I;16", 65535, "TIFF", ("16 bits, converted to 8",), WHITE),
    ("F", .5, "TIFF", ("floating point, converted to 8 bits",), (127,)*3),
    ("F", 200., "TIFF", ("floating point, converted to 8 bits",), (200,)*3),
])
def test_modes(root, mode, colour, kind, notes, pixel):
    Image.new(mode, (9, 9), colour).save(root/"a", kind)
    assert seen(root, "a") == (notes, pixel)
    large = Image.new(mode, (900, 700), colour)
    large.save(root/"b", kind)
    assert (load_pictures(root, ["b"], 16, how="crop")[0] == pixel).all()


def test_16_bit_colour(root):
    "Pillow writes none: a PNG of 2×1 pixels with 16 bits a channel, by hand"
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = b"\0" + struct.pack(">6H", 65535, 0, 0, 0, 65535, 0)
    (root/"a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    assert seen(root, "a.png") == (("16 bits, converted to 8",), RED)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(root, orientation, kind):
    "Stored turned, shown upright: red at the top left, blue at the top right"
    upright = Image.new("RGB", (64, 32), "white")
    upright.paste(RED, (0, 0, 16, 16)); upright.paste((0, 0, 255), (48, 0, 64, 16))
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}.get(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (upright.transpose(Image.Transpose[undo]) if undo else upright).save(root/"a", kind, exif=exif)
    for near in (0, 8):
        im = read_picture(picture_bytes(root, "a"), near)
        s = im.width/64
        assert im.size == (64*s, 32*s) and im.info["notes"] == (("rotated by EXIF, turned upright",) if orientation > 1 else ())
        points = [im.getpixel((int(x*s), int(y*s))) for x, y in ((8, 8), (56, 8), (8, 24), (56, 24))]
        assert np.abs(np.array(points) - [RED, (0, 0, 255), WHITE, WHITE]).max() < 12


def test_broken_exif_bars_nothing(root):
    noise().save(root/"a.jpg", exif=b"Exif\0\0II*\0" + b"\xff"*40)
    assert seen(root, "a.jpg")[0] == ()


def test_large_is_noted(root):
    Image.new("1", (4000, 3000)).save(root/"a.png")
    assert seen(root, "a.png")[0] == ("large: 4000×3000 pixels", "black and white, converted to RGB")


# Scans

def test_scans_are_remembered_with_their_notes(root, monkeypatch):
    noise(mode="L").save(root/"a.png")
    (root/"b.png").touch()
    data = (root/"a.png").read_bytes()
    rows = ["a.png", None, "b.png", data]*3
    first = scan_pictures(root, rows)
    assert first[0] == first[3] == first[4] and first[0].notes == ("grey, converted to RGB",) and first[1] == Scan()
    calls = []
    monkeypatch.setattr("mmfuse_nb.data.images.read_picture", lambda data, near=0: calls.append(1) or read_picture(data, near))
    assert scan_pictures(root, rows) == first and len(calls) == 1  # the bytes; files are remembered
    noise(mode="L").rotate(90).save(root/"a.png")
    assert scan_pictures(root, rows)[0].digest != first[0].digest and len(calls) == 3


def test_a_million_rows_of_few_pictures(root):
    for i in range(4): Image.new("RGB", (8, 8), (i, 0, 0)).save(root/f"{i}.png")
    cells = np.array([f"{i}.png" for i in range(4)], object)[np.arange(1_000_000) % 4]
    told = []
    scans = scan_pictures(root, cells, progress=lambda done, total: told.append((done, total)))
    assert len(scans) == 1_000_000 and len({id(s) for s in scans}) == 4 and told[-1] == (4, 4)


# Pillow's own pictures: whatever they are, the check survives them

SCAN = """
import json, os, resource, sys
from mmfuse_nb.data.images import scan_pictures
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024
names, before = [os.path.relpath(os.path.join(d, f), sys.argv[1]) for d, _, files in os.walk(sys.argv[1]) for f in files], peak()
scans = scan_pictures(sys.argv[1], names, refresh=True)
print(json.dumps([peak() - before, dict(zip(names, scans))]))
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    "Tests/images of Pillow's source archive"
    folder = tmp_path_factory.mktemp("pillow")
    get = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary", "pillow",
        "--retries", "0", "--timeout", "10", f"pillow=={version('pillow')}", "-d", str(folder)]
    try: r = subprocess.run(get, capture_output=True, text=True, timeout=90)
    except subprocess.TimeoutExpired: pytest.skip("pip could not get Pillow's source archive within 90 s")
    archives = list(folder.glob("*.tar.gz"))
    if not archives: pytest.skip(f"pip could not get Pillow's source archive: {(r.stderr.strip().splitlines() or ['no reason given'])[-1][:200]}")
    with tarfile.open(archives[0]) as t:
        t.extractall(folder, [m for m in t.getmembers() if "/Tests/images/" in m.name], filter="data")
    return next(folder.glob("*/Tests/images"))


def scanned(folder):
    "Peak of memory above what the imports took, in MB, and the scans, from a process of its own"
    r = subprocess.run([sys.executable, "-c", SCAN, str(folder)], capture_output=True, text=True, timeout=120)
    assert r.returncode == 0, r.stderr[-3000:]
    return json.loads(r.stdout)


def test_pillows_own_pictures(hostile):
    memory, scans = scanned(hostile)
    assert memory < 512 and len(scans) > 500
    assert all((digest is None) != (reason is None) for digest, reason, _ in scans.values())
    assert sum(reason is None for _, reason, _ in scans.values()) > 400
    assert scans["decompression_bomb.gif"][1].startswith("picture is too large") and scans["truncated_jpeg.jpg"][1] == "file is truncated"


def test_the_largest_allowed_take_turns(root):
    "Every thread has a picture near the limit; together they keep to the memory of one"
    grey = Image.linear_gradient("L").resize((7000, 7000))
    colour = Image.merge("RGB", (grey, grey, grey))
    colour.save(root/"a.png", compress_level=1)
    colour.save(root/"b.jpg", progressive=True)
    Image.merge("RGBA", (grey, grey, grey, grey)).save(root/"c.png", compress_level=1)
    for name in ("a.png", "b.jpg", "c.png"): (root/f"2{name}").write_bytes((root/name).read_bytes())
    memory, scans = scanned(root)
    assert memory < 512 and all(reason is None for _, reason, _ in scans.values())
