"""What a browser may ask to see."""

from __future__ import annotations

import pytest

from dashboard.live.look import Look, panels

AXIS = {"sentences": ["a", "b"], "layers": 2, "heads": 2, "gates": ["i", "f"], "weights": ["rnn.weight_hh_l0", "readout.bias"]}


def test_asked_fields_change_and_others_stay():
    look = Look(part="direct").changed({"do": "look", "sentence": 1, "layer": 0, "gate": "i", "fps": 3, "other": "x"}, AXIS)
    assert look == Look(sentence=1, layer=0, gate="i", part="direct")


@pytest.mark.parametrize(
    "asked",
    [
        {"sentence": 2}, {"sentence": -1}, {"sentence": "0"}, {"sentence": True}, {"sentence": 0.0}, {"layer": 2}, {"layer": -3},
        {"gate": 3}, {"gate": ["f"]}, {"part": "half"}, {"part": None}, {"view": "x"}, {"range": {}}, {"weight": {}},
        {"path": "both"}, {"path": None}, {"head": 2}, {"head": -2}, {"head": "0"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(asked):
    with pytest.raises(ValueError, match=rf"^{next(iter(asked))} must be .*\.$"):
        Look().changed(asked, AXIS)


def test_a_choice_made_for_another_model_changes_nothing():
    assert Look().changed({"gate": "z", "weight": "rnn.weight_hh_l3", "part": "direct"}, AXIS) == Look(part="direct")


def test_a_look_is_fitted_to_another_model():
    look = Look(sentence=5, layer=3, gate="z", weight="rnn.weight_hh_l3", part="recurrent")
    assert look.fitted(AXIS) == Look(gate="i", weight="rnn.weight_hh_l0", part="recurrent")
    assert Look(gate="z").fitted(AXIS | {"gates": []}).gate == "z"
    assert Look(head=1).fitted(AXIS).head == 1
    assert Look(head=1, path="attention").fitted(AXIS | {"heads": 0}) == Look(path="attention")


def test_panels_are_named_in_one_order():
    assert panels(["lag", "h"]) == ("h", "lag")
    assert panels([]) == ()
    for bad in ("h", ["x"], None, [["h"]], [{}]):
        with pytest.raises(ValueError, match="show must be"):
            panels(bad)


def test_the_part_along_attention_is_there_where_attention_is():
    assert Look().changed({"part": "attention"}, AXIS).part == "attention"
    assert Look(part="attention").fitted(AXIS | {"heads": 0}).part == "total"
    with pytest.raises(ValueError, match="part must be one of total, direct, recurrent, untruncated"):
        Look().changed({"part": "attention"}, AXIS | {"heads": 0})
