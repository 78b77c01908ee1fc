"""Features of pictures and sounds say what they should, and do not mind what they should not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeline.candidates.blocks import Blocks, numbers_only
from treeline.candidates.card import Clock, Fold, Watch
from treeline.candidates.classical.audio import convolutions, statistics
from treeline.candidates.classical.pictures import (
    coarse_gradients,
    colours,
    gradients,
    shrunk,
    small,
    small_of,
    textures,
)
from treeline.candidates.deep.pictures import PictureInputs
from treeline.candidates.media import SOUND_HZ, Media
from treeline.candidates.registry import card_named
from treeline.problem.task import Task
from treeline.testing.made import easy_rows

PICTURES = (gradients, coarse_gradients, textures, colours)


@pytest.mark.parametrize("measure", PICTURES)
def test_a_row_alone_is_measured_as_among_others(measure):
    images = np.random.default_rng(0).integers(0, 256, (5, 21, 30, 3)).astype(np.uint8)
    together = measure(images)
    assert together.dtype == np.float16
    np.testing.assert_allclose(measure(images[2:3])[0], together[2], atol=1e-3)
    assert measure(images[:0]).shape == (0, together.shape[1])


def test_gradients_tell_directions_and_do_not_mind_contrast():
    across = np.tile(np.linspace(10, 240, 20), (20, 1)) ** 2 / 255
    images = np.stack([across, across.T, across[:, ::-1], across / 2])[..., None].astype(np.uint8)
    found = coarse_gradients(images).astype(float)
    strongest = found.reshape(4, -1, 27).mean(axis=1)[:, :18].argmax(axis=1)
    assert len(set(strongest[:3])) == 3
    assert np.abs(found[0] - found[3]).mean() < 0.25 * np.abs(found[0] - found[1]).mean()


def test_shrunk_pictures_keep_their_mean():
    images = np.random.default_rng(0).integers(0, 256, (2, 45, 64, 3)).astype(np.uint8)
    small = shrunk(images, 32)
    assert small.shape == (2, 32, 32, 3)
    np.testing.assert_allclose(small.mean(axis=(1, 2)), images.mean(axis=(1, 2)), rtol=1e-4)


@pytest.mark.parametrize("measure", [statistics, convolutions])
def test_silence_around_a_sound_does_not_change_what_is_measured(measure):
    rng = np.random.default_rng(0)
    tone = 8000 * np.sin(2 * np.pi * np.cumsum(np.linspace(300, 2000, 8000)) / SOUND_HZ) + rng.normal(0, 100, 8000)
    waves = np.zeros((3, SOUND_HZ), np.int16)
    waves[0, :8000] = tone
    waves[1, 4000:12000] = tone  # a whole number of frames later
    waves[2, :8000] = rng.normal(0, 3000, 8000)
    first, later, other = measure(waves)
    # Not 0: with silence before it, the sound fades in over two frames.
    assert np.abs(first - later).mean() < 0.3 * np.abs(first - other).mean()


def test_volume_is_told_by_one_number_only():
    wave = np.random.default_rng(0).normal(0, 4000, (1, 8000))
    loud, soft = statistics(wave.astype(np.int16))[0], statistics((wave / 4).astype(np.int16))[0]
    assert loud[-1] - soft[-1] == pytest.approx(12, abs=1)
    np.testing.assert_allclose(loud[:-1], soft[:-1], atol=1.0)


def test_groups_weigh_what_they_are_given():
    rng = np.random.default_rng(0)
    rows = easy_rows(Task.BINARY, 200, numbers=0, categories=0)
    wide, narrow = 1000 * rng.normal(size=(200, 50)), rng.normal(size=(200, 2))
    blocks, matrix = Blocks.fit(rows, [wide, narrow], [3.0, 1.0], most=52, seed=0)
    assert matrix.var(axis=0).sum() == pytest.approx(4, rel=1e-3)
    alone = blocks(rows, [np.broadcast_to(wide.mean(axis=0), wide.shape), narrow])
    assert alone.var(axis=0).sum() == pytest.approx(1, rel=1e-3)
    few = Blocks.fit(rows, [wide, narrow], [3.0, 1.0], most=10, seed=0)[1]
    np.testing.assert_allclose(
        few.var(axis=0) / few.var(), (matrix[:, :10].var(axis=0) / matrix[:, :10].var()), rtol=0.05
    )


def test_a_watch_holds_another_form_of_its_rows_for_a_while():
    rows = easy_rows(Task.BINARY, 40)
    watch = Watch(rows, np.arange(40) % 2)
    other = numbers_only(rows, np.zeros((40, 2)))
    with watch.over(other) as same:
        assert same is watch
        assert watch.rows is other
        watch.see(1, np.full(40, 0.5))
    assert watch.rows is rows
    assert watch.history[0][0] == 1


def test_sharp_pictures_are_made_small_for_those_that_need_no_more():
    images = np.random.default_rng(0).integers(0, 256, (3, 100, 200, 3)).astype(np.uint8)
    found = small_of(Media.of({"p": images}, 3), "p")
    assert found.shape == (3, 32, 64, 3) and found.dtype == np.uint8
    np.testing.assert_allclose(found.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=0.5)
    few = images[:, :64, :60]
    assert small(few) is few
    np.testing.assert_array_equal(small_of(Media.of({"p": few}, 3), "p"), few)


@pytest.mark.parametrize("name", ["image_svm", "image_patches", "image_cnn"])
def test_a_sharp_picture_is_learned_from_as_its_small_one(name: str):
    rows = easy_rows(Task.BINARY, 60, media="image")
    (column,) = rows.shape.media
    sharp = np.repeat(np.repeat(rows.media[column.name], 12, axis=1), 12, axis=2)
    assert max(sharp.shape[1:3]) > 64
    found = []
    for images in (sharp, small(sharp)):
        shape = replace(rows.shape, media=(replace(column, size=images.shape[1:]),))
        given = replace(rows, shape=shape, media=Media.of({column.name: images}, 60))
        (fitted,) = card_named(name).candidate().fit([Fold(given, None)], {}, clock=Clock(30), seed=0)
        found.append(fitted.predict(given))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_image_nets_look_at_images_also_where_a_sound_stands_first():
    pictures, sounds = (easy_rows(Task.BINARY, 40, media=kind) for kind in ("image", "sound"))
    (image,), (sound,) = pictures.shape.media, sounds.shape.media
    both = {f"a_{sound.name}": sounds.media[sound.name], f"b_{image.name}": pictures.media[image.name]}
    shape = replace(
        pictures.shape, media=(replace(sound, name=f"a_{sound.name}"), replace(image, name=f"b_{image.name}"))
    )
    rows = replace(pictures, shape=shape, media=Media.of(both, 40))
    settings = card_named("image_cnn").candidate().defaults
    inputs, _, seen = PictureInputs.fit(rows, settings, seed=0)
    assert inputs.kind == "image"
    np.testing.assert_array_equal(seen, pictures.media[image.name])
