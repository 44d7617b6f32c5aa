"""Photos lie under the hash of their content: never under a given name, never half, never lost."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from outfall.errors import StoreError
from outfall.store import add_photos, append_rows, create_store, find_photo, list_pending_photos, verify_photos
from tests.store.rows import draw_rows


def photo(seed, kind="JPEG"):
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16, 3), dtype=np.uint8))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.fixture
def store(tmp_path):
    return create_store(tmp_path / "town" / "town.outfalldb")


@pytest.fixture
def flight(tmp_path):
    folder = tmp_path / "flight"
    (folder / "100MEDIA").mkdir(parents=True)
    for seed in range(3):
        (folder / "100MEDIA" / f"DJI_000{seed}.JPG").write_bytes(photo(seed))
    (folder / "same.jpeg").write_bytes(photo(0))
    (folder / "实际是PNG.jpg").write_bytes(photo(9, "PNG"))
    (folder / "evil.jpg").write_text("<svg onload=alert(1)>", encoding="utf-8")
    (folder / "link.jpg").symlink_to("/etc/passwd")
    return folder


def test_every_file_has_its_answer(store, flight):
    """Each file of a folder is stored once, under its hash and the ending of its content, or refused with a reason."""
    found = add_photos(store, flight)
    assert len(found) == 7
    assert found["status"].value_counts().to_dict() == {"added": 4, "there": 1, "no photo": 1, "unreadable": 1}
    for row in found[found["status"].isin(["added", "there"])].itertuples():
        content = (store.parent / "photos" / row.stored).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.photo_id
        assert row.stored.endswith(".png" if "PNG" in row.file else ".jpg")
    assert found.loc[found["photo_id"].isna(), ["reason", "reason_zh"]].notna().all(axis=None)
    assert len(verify_photos(store)) == 0
    assert (add_photos(store, flight)["status"] != "added").all()


def test_a_cited_photo_is_pending_until_it_comes(store, flight):
    """Rows name photos that have not arrived; once they come, nothing is pending."""
    ids = [hashlib.sha256(photo(seed)).hexdigest() for seed in range(3)]
    outfalls = draw_rows("outfalls", count=2).assign(photo_ids=[";".join(ids[:2]), None])
    append_rows(store, "outfalls", outfalls, actor="test")
    append_rows(store, "photos", draw_rows("photos", count=1).assign(photo_id=ids[2]), actor="test")
    pending = list_pending_photos(store)
    assert sorted(pending["photo_id"]) == sorted(ids)
    assert set(pending["table"]) == {"outfalls", "photos"}
    assert find_photo(store, ids[0]) is None
    add_photos(store, [flight / "100MEDIA" / "DJI_0000.JPG"])
    assert sorted(list_pending_photos(store)["photo_id"]) == sorted(ids[1:])
    assert find_photo(store, ids[0]).read_bytes() == photo(0)
    add_photos(store, flight)
    assert len(list_pending_photos(store)) == 0


def test_a_changed_photo_is_found(store, flight):
    """One changed byte, and a file nobody added, are named."""
    add_photos(store, flight)
    folder = store.parent / "photos"
    victim = min(folder.glob("??/*.jpg"))
    content = bytearray(victim.read_bytes())
    content[40] ^= 1
    victim.write_bytes(content)
    (folder / "holiday.jpg").write_bytes(photo(7))
    wrong = verify_photos(store)
    assert dict(zip(wrong["stored"], wrong["status"], strict=True)) == {
        victim.relative_to(folder).as_posix(): "damaged",
        "holiday.jpg": "astray",
    }


def test_a_copy_that_fails_leaves_nothing(store, flight, monkeypatch):
    """A full disk is an error of ours; no part stays, and the next attempt brings all photos."""
    import errno

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("outfall.store.photos.os.fsync", full)
    with pytest.raises(StoreError, match=r"No space left.*make room"):
        add_photos(store, flight)
    monkeypatch.undo()
    assert [item for item in (store.parent / "photos").rglob("*") if item.is_file()] == []
    assert (add_photos(store, flight)["status"] == "added").sum() == 4


def test_hostile_ids_and_missing_places(store, tmp_path):
    """An id is never a path, and what is not there is said."""
    for name in ("../../etc/passwd", "a" * 63, "A" * 64, "*" * 64):
        assert find_photo(store, name) is None
    with pytest.raises(StoreError, match="no such folder or file"):
        add_photos(store, tmp_path / "nowhere")
    with pytest.raises(StoreError, match="there is no store"):
        add_photos(tmp_path / "none.outfalldb", tmp_path)
    assert add_photos(store, [tmp_path / "gone.jpg"])["status"].tolist() == ["unreadable"]
    assert len(add_photos(store, [])) == 0
