"""The pooled tiles against slow loops over every weight, and the gallery's manners towards a browser.
Knows no browser; tests/browser/test_matrix_view.py looks at the canvas."""

import base64
import math

import numpy as np
import pytest

from gblm_viz.figures.tiles import Pyramid, Tile, against_chance, codes, colour_range, step_for
from gblm_viz.ui.components.matrix_view import ENGLISH, JAPANESE, ArrayProvider, Field, Gallery, picture
from gblm_viz.ui.components.matrix_view.gallery import MOST_PIXELS
from gblm_viz.ui.components.matrix_view.words import check_words

RANDOM = np.random.default_rng(0)
SHAPES = [(1, 1), (1, 17), (19, 1), (16, 16), (37, 53), (130, 71)]


def slow(array: np.ndarray, pool: str, row: int, column: int, step: int, height: int, width: int) -> np.ndarray:
    """(height, width) by looking at each block by itself"""
    result = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            first, left = row + i * step, column + j * step
            block = array[first : first + step, left : left + step].astype(float)
            if np.isnan(block).any():
                result[i, j] = np.nan
            elif pool == "max":
                result[i, j] = block.max()
            elif pool == "mean":
                result[i, j] = block.mean()
            else:
                result[i, j] = block.ravel()[np.argmax(np.abs(block))]
    return result


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pool", ["max", "extreme", "mean"])
@pytest.mark.parametrize("kind", ["float32", "float64", "bool", "uint8"])
def test_a_tile_pools_every_weight_of_its_pixels_ragged_edges_included(shape, pool, kind):
    array = RANDOM.standard_normal(shape) if kind.startswith("float") else RANDOM.integers(0, 2, shape)
    array = array.astype(kind)
    pyramid = Pyramid(array, pool)
    rows, columns = shape
    views = ((0, 0, rows, columns), (rows // 3, columns // 2, rows, columns), (rows - 1, columns - 1, 1, 1))
    for height, width in ((1, 1), (3, 5), (7, 4), (20, 30), (200, 200)):
        for row, column, tall, wide in views:
            tile = pyramid.tile(row, column, tall, wide, height, width)
            expected = slow(array, pool, tile.row, tile.column, tile.step, *tile.values.shape)
            np.testing.assert_allclose(tile.values, expected, rtol=2e-6, atol=1e-6)
            assert tile.row <= row
            assert tile.column <= column
            assert tile.row + tile.row_counts.sum() >= min(row + tall, rows)
            assert tile.column + tile.column_counts.sum() >= min(column + wide, columns)
            assert tile.values.shape[0] <= height
            assert tile.values.shape[1] <= width
            assert tile.values.dtype == np.float32


def test_weights_per_pixel_are_the_true_counts():
    tile = Pyramid(np.zeros((10, 7), np.float32)).tile(0, 0, 10, 7, 3, 3)
    assert tile.step == 4
    np.testing.assert_array_equal(tile.weights, [[16, 12], [16, 12], [8, 6]])
    assert tile.weights.sum() == 70


def test_a_gap_is_seen_at_every_zoom_and_nowhere_else():
    array = np.ones((64, 64), np.float32)
    array[41, 7] = np.nan
    for pool in ("max", "extreme", "mean"):
        for side in (64, 32, 16, 10, 3, 1):
            tile = Pyramid(array, pool).tile(0, 0, 64, 64, side, side)
            gaps = np.argwhere(np.isnan(tile.values)).tolist()
            assert gaps == [[41 // tile.step, 7 // tile.step]]


def test_a_single_spike_survives_any_pooling():
    array = np.zeros((4096, 1000), np.float32)
    array[4095, 999] = -9.0
    assert Pyramid(array, "extreme").tile(0, 0, 4096, 1000, 40, 40).values.min() == -9.0
    assert Pyramid(-array, "max").tile(0, 0, 4096, 1000, 40, 40).values.max() == 9.0


def test_shares_of_categories_add_to_one():
    array = RANDOM.integers(0, 4, (77, 91)).astype(np.uint8)
    tiles = [Pyramid(array, "mean", equals=category).tile(0, 0, 77, 91, 9, 9) for category in range(4)]
    np.testing.assert_allclose(sum(tile.values for tile in tiles), 1, atol=1e-6)
    for category, tile in enumerate(tiles):
        expected = slow(array == category, "mean", 0, 0, tile.step, *tile.values.shape)
        np.testing.assert_allclose(tile.values, expected, atol=1e-7)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_the_mean_of_the_whole_is_exact_on_a_matrix_of_4096_by_11008(kind):
    array = RANDOM.integers(0, 2, (4096, 11008), dtype=np.uint8)
    tile = Pyramid(array.astype(kind, copy=False), "mean").tile(0, 0, 4096, 11008, 1, 1)
    assert tile.values.shape == (1, 1)
    assert tile.values[0, 0] == np.float32(np.count_nonzero(array) / array.size)


def test_the_step_is_the_smallest_of_the_ladder_that_fits():
    ladder = sorted(odd << power for odd in (1, 3, 5, 7) for power in range(12))
    for row, rows, height in ((0, 4096, 300), (13, 4096, 300), (5, 1, 1), (0, 11008, 560), (999, 77, 9)):
        def fits(step, row=row, rows=rows, height=height):
            return -(-(row + rows) // step) - row // step <= height
        assert step_for(row, 0, rows, 1, height, 1) == next(step for step in ladder if fits(step))


def test_panning_does_not_change_a_pixel():
    array = RANDOM.random((500, 700)).astype(np.float32)
    pyramid = Pyramid(array)
    whole = pyramid.tile(0, 0, 500, 700, 50, 70)
    for row, column in ((0, 0), (100, 40), (333, 617)):
        row, column = row // whole.step * whole.step, column // whole.step * whole.step
        part = pyramid.tile(row, column, 10 * whole.step, 10 * whole.step, 10, 10)
        assert part.step == whole.step
        i, j = row // whole.step, column // whole.step
        tall, wide = part.values.shape
        np.testing.assert_array_equal(part.values, whole.values[i : i + tall, j : j + wide])


def test_the_strongest_weight_of_a_pixel_is_found():
    array = RANDOM.standard_normal((90, 70)).astype(np.float32)
    for pool in ("max", "extreme"):
        pyramid = Pyramid(array, pool)
        tile = pyramid.tile(0, 0, 90, 70, 6, 6)
        for i in range(tile.values.shape[0]):
            for j in range(tile.values.shape[1]):
                row, column = pyramid.strongest(i * tile.step, j * tile.step, tile.step)
                assert array[row, column] == tile.values[i, j]
                assert row // tile.step == i
                assert column // tile.step == j


def test_codes_keep_zero_for_gaps_and_use_the_whole_range():
    values = np.array([np.nan, -1, 0, 0.5, 1, 9], np.float32)
    assert codes(values, "linear", 0, 1).tolist() == [0, 1, 1, 128, 255, 255]
    values = np.array([np.nan, -1, 0, 1e-6, 1e-4, 1e-2, 5, np.inf], np.float32)
    assert codes(values, "log", 1e-6, 1e-2).tolist() == [0, 1, 1, 1, 128, 255, 255, 255]
    for wrong in (("log", 0, 1), ("linear", 1, 1), ("linear", 0, math.nan), ("cubic", 0, 1)):
        with pytest.raises(ValueError):
            codes(values, *wrong)


@pytest.mark.parametrize("array", [
    np.full((3, 3), np.nan), np.zeros((3, 3)), np.full((3, 3), 2.0), -np.ones((2, 2)), np.array([[np.inf, 1.0]]),
    np.exp(RANDOM.standard_normal((99, 77))), np.ones((4, 4), bool),
])
def test_a_colour_range_is_always_one_that_codes_accept(array):
    for scale, symmetric in (("log", False), ("linear", False), ("linear", True)):
        lo, hi = colour_range(array, scale, symmetric)
        codes(np.asarray(array, np.float32), scale, lo, hi)
        known = array[np.isfinite(array)]
        if known.size and known.max() > 0:
            assert hi >= known.max() * (1 - 1e-9)


def test_deviations_from_chance_have_mean_zero_and_spread_one_on_random_rows():
    rows, columns, removed = 512, 768, 300
    order = RANDOM.random((rows, columns)).argsort(1)
    mask = order < removed
    tile = Pyramid(mask, "mean").tile(0, 0, rows, columns, 64, 96)
    scores = against_chance(tile, removed / columns, columns)
    assert abs(scores.mean()) < 0.05
    assert abs(scores.std() - 1) < 0.05
    whole = Tile(np.full((2, 1), 0.3, np.float32), 0, 0, 768, np.array([768, 1]), np.array([768]))
    assert against_chance(whole, 0.3, 768).tolist() == [[0.0], [0.0]]


def provider(shape=(40, 60)):
    array = RANDOM.random(shape).astype(np.float32)
    four = RANDOM.integers(0, 4, shape).astype(np.uint8)
    return ArrayProvider({
        Field("gradient", "Gradient", "sequential", 0.0, 1.0): array,
        Field("mask", "Mask", "mask"): array > 0.5,
        Field("both", "Two masks", "four", categories=("a", "b", "c", "d")): four,
        Field("chance", "Chance", "diverging", -4, 4, pooling="chance"): array > 0.5,
    })


def request(key, **other):
    return {"key": key, "field": "gradient", "row": 0, "column": 0, "rows": 40, "columns": 60, "height": 20,
            "width": 30, "version": 1, **other}


def test_an_answer_carries_the_stored_values():
    gallery, source = Gallery(), provider()
    key = gallery.add(source)
    answer = gallery.answer(request(key, row=3, column=5, rows=7, columns=9, height=7, width=9))
    values = np.frombuffer(base64.b64decode(answer["values"]), "<f4").reshape(answer["height"], answer["width"])
    np.testing.assert_array_equal(values, source.array("gradient")[3:10, 5:14])
    pixels = np.frombuffer(base64.b64decode(answer["pixels"]), np.uint8).reshape(7, 9)
    np.testing.assert_array_equal(pixels, codes(values, "linear", 0, 1))
    both = gallery.answer(request(key, field="both", height=40, width=60))
    shares = np.frombuffer(base64.b64decode(both["values"]), "<f4").reshape(3, 40, 60)
    np.testing.assert_array_equal(shares, [source.array("both") == category for category in (1, 2, 3)])


@pytest.mark.parametrize("shape", [*SHAPES, (300, 7)])
@pytest.mark.parametrize("measure", ["mean", "magnitude", "parted"])
def test_a_profile_is_the_mean_of_each_row_and_column(shape, measure):
    array = RANDOM.normal(size=shape).astype(np.float32)
    if measure == "parted":
        array = RANDOM.integers(0, 4, shape).astype(np.uint8)
    profile = Pyramid(array, "mean").profile(measure)
    of_each = {"mean": float, "magnitude": abs, "parted": lambda category: float(category >= 2)}[measure]
    slowly = [[of_each(number) for number in row] for row in array.tolist()]
    np.testing.assert_allclose(profile.rows, [sum(row) / len(row) for row in slowly], atol=1e-9)
    np.testing.assert_allclose(profile.columns, [sum(column) / len(column) for column in zip(*slowly, strict=True)],
                               atol=1e-9)


def test_the_browser_gets_the_profile_of_the_field_it_names():
    gallery, source = Gallery(), provider()
    key = gallery.add(source)
    for name, wanted in (("mask", source.array("mask")), ("both", source.array("both") >= 2)):
        answer = gallery.profile(request(key, field=name))
        columns = np.frombuffer(base64.b64decode(answer["columns"]), "<f4")
        np.testing.assert_allclose(columns, wanted.mean(0), rtol=1e-6)
        assert len(base64.b64decode(answer["rows"])) == 4 * 40
    assert gallery.profile(request("k" * 20)) == {"error": "gone"}
    assert gallery.profile({**request(key), "row": -1}) == {"error": "bad"}


def test_many_values_come_only_where_they_are_asked_for():
    gallery = Gallery()
    big = ArrayProvider({Field("gradient", "Gradient", "sequential"): RANDOM.random((80, 90)).astype(np.float32)})
    wanted = request(gallery.add(big), rows=80, columns=90, height=80, width=90)
    assert "values" not in gallery.answer(wanted)
    assert len(base64.b64decode(gallery.answer({**wanted, "values": 1})["values"])) == 4 * 80 * 90
    assert gallery.answer({**wanted, "values": 2}) == {"error": "bad"}


@pytest.mark.parametrize("change", [
    {"row": -1}, {"row": 40}, {"column": 60}, {"rows": 0}, {"columns": 0}, {"height": 0}, {"width": 0}, {"row": 1.5},
    {"row": "0"}, {"row": True}, {"row": None}, {"rows": 1 << 60}, {"height": MOST_PIXELS, "width": 2},
    {"field": "other"}, {"field": 3}, {"field": None}, {"key": 7}, {"key": ""}, {"key": "../../etc/passwd"},
    {"version": "1"}, {"row": math.nan}, {"every": 3}, {"every": 0}, {"live": 3},
    {"live": None}, {"live": {"share": math.inf}},
    {"live": {"share": None}}, {"live": {"method": "w" * 41}}, {"live": {str(at): 1 for at in range(9)}},
])
def test_a_wrong_number_from_the_browser_is_an_answer_not_an_exception(change):
    gallery = Gallery()
    assert gallery.answer({**request(gallery.add(provider())), **change}) == {"error": "bad"}


def test_a_picture_follows_controls_and_comes_back_to_what_it_was(caplog):
    class Followed(ArrayProvider):
        def live(self, controls, every):
            return ArrayProvider({known: self.array(known.id) > controls["cut"] for known in self.arrays})

    array = RANDOM.random((40, 60)).astype(np.float32)
    gallery, source = Gallery(), Followed({Field("mask", "Mask", "mask"): array})
    wanted = request(gallery.add(source), field="mask", height=40, width=60)

    def drawn(**live):
        answer = gallery.answer({**wanted, "live": live})
        return np.frombuffer(base64.b64decode(answer["values"]), "<f4").reshape(40, 60)

    for cut in (0.3, 0.9):
        np.testing.assert_array_equal(drawn(cut=cut), array > cut)
        columns = gallery.profile({**wanted, "live": {"cut": cut}})["columns"]
        np.testing.assert_allclose(np.frombuffer(base64.b64decode(columns), "<f4"), (array > cut).mean(0), rtol=1e-6)
    np.testing.assert_array_equal(drawn(), array)
    still = request(gallery.add(provider()), live={"cut": 0.5})
    assert gallery.answer(still) == {"error": "failed"}
    assert "depends on no control" in caplog.text


@pytest.mark.parametrize("wanted", [None, 3, "tile", [], [{}], {}, {"key": "x"}])
def test_a_request_of_the_wrong_shape_is_refused(wanted):
    assert Gallery().answer(wanted) == {"error": "bad"}


def test_every_valid_request_is_drawn_within_the_matrix():
    gallery = Gallery()
    key = gallery.add(provider())
    for row, rows, height in ((0, 1, 1), (39, 1 << 24, 1), (0, 1 << 24, MOST_PIXELS // 30), (5, 40, 7)):
        for name in ("gradient", "mask", "both", "chance"):
            answer = gallery.answer(request(key, field=name, row=row, rows=rows, height=height))
            assert "error" not in answer
            assert answer["height"] <= min(height, 40)


def test_keys_cannot_be_guessed_and_a_forgotten_one_is_gone():
    gallery = Gallery()
    keys = {gallery.add(provider()) for _ in range(100)}
    assert len(keys) == 100
    assert min(map(len, keys)) >= 22
    key = keys.pop()
    gallery.forget(key)
    assert gallery.answer(request(key)) == {"error": "gone"}


def test_the_least_recently_drawn_picture_leaves_first():
    gallery = Gallery(most_pictures=2)
    first, second = gallery.add(provider()), gallery.add(provider())
    assert "error" not in gallery.answer(request(first))
    third = gallery.add(provider())
    assert gallery.answer(request(second)) == {"error": "gone"}
    assert "error" not in gallery.answer(request(first))
    assert "error" not in gallery.answer(request(third))


def test_a_kept_picture_outlives_the_visitors():
    gallery = Gallery(most_pictures=1)
    kept = gallery.add(provider(), kept=True)
    first, second = gallery.add(provider()), gallery.add(provider())
    gallery.forget(kept)
    assert [("error" in gallery.answer(request(key))) for key in (kept, first, second)] == [False, True, False]


def test_bytes_stay_in_the_budget_and_an_emptied_picture_is_drawn_again():
    gallery = Gallery(most_bytes=200_000)
    keys = [gallery.add(provider((128, 128))) for _ in range(10)]
    for key in keys:
        assert "error" not in gallery.answer(request(key, rows=128, columns=128))
    assert gallery.nbytes <= 200_000
    assert "error" not in gallery.answer(request(keys[0]))


def test_a_provider_that_lost_its_model_is_gone_and_one_that_breaks_has_failed(caplog):
    class Broken(ArrayProvider):
        def array(self, field_id):
            raise KeyError(field_id) if field_id == "mask" else RuntimeError("no memory")

    gallery = Gallery()
    key = gallery.add(Broken(provider().arrays))
    assert gallery.answer(request(key)) == {"error": "failed"}
    assert "no memory" in caplog.text
    assert gallery.answer(request(key, field="mask")) == {"error": "gone"}


def test_both_languages_have_the_same_words_and_numbers():
    assert set(check_words(ENGLISH)) == set(check_words(JAPANESE))
    with pytest.raises(KeyError, match="hint"):
        check_words({key: word for key, word in ENGLISH.items() if key != "hint"})
    with pytest.raises(ValueError, match="weight"):
        check_words({**ENGLISH, "weight": "{row}"})


def test_a_picture_frees_the_one_before_it_and_refuses_what_it_has_not():
    gallery = Gallery()
    first = picture(provider(), "Block 3, down", ENGLISH, gallery=gallery)
    second = picture(provider(), "Block 3, down", ENGLISH, "mask", pin=(3, 4), previous=first, gallery=gallery)
    assert len(gallery) == 1
    assert second["pin"] == [3, 4]
    assert second["version"] > first["version"]
    with pytest.raises(ValueError, match="no field"):
        picture(provider(), "", ENGLISH, "other", gallery=gallery)
    with pytest.raises(ValueError, match="outside"):
        picture(provider(), "", ENGLISH, pin=(40, 0), gallery=gallery)
