"""Tokens: cut as a reader would cut, nothing lost, and back again; every refusal in one sentence."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import limits, tokens
from core.experiment import InvalidExperiment

# Pieces that meet in awkward ways (addresses, decimals, quotes, emoji, scripts, marks), beside any text that may be typed at all.
AWKWARD = st.sampled_from([
    "don't", "it’s", "'", '"', "...", ".", ",", "…", "-", "--", "/", "http:", "//", "www.", "a", "b.c", "3.14", "1,000", "1", "10:30",
    "é", "e\u0301", "\u0301", "\u0338", "<", ">", "<bos>", "<pad>", "@", "#", "$", "5%", "_", "C++", "e.g.", "床前", "，", "。", "「",
    "カー", "か\u3099", "한국", "สวัสดี", 'צה"ל', "שלום", "مرحبا", "،", "👍🏽", "👩‍👩‍👧", "🇫🇷", "🇩", "1️⃣", "❤️",
    "\u200b", "\u200d", "\u00ad", "\t", " ", "\u3000",
])  # fmt: skip
ANYTHING = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30)
LINES = st.one_of(ANYTHING, st.lists(st.one_of(AWKWARD, ANYTHING), max_size=12).map("".join)).map(tokens.clean)
MODES = st.sampled_from(["word", "character"])
thoroughly = settings(max_examples=200)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("The dog, she said, barks!", "The|dog|,|she|said|,|barks|!"),
        ("don't it’s o'clock merry-go-round", "don't|it’s|o'clock|merry-go-round"),
        ("'quoted' \"words\" «ici»", "'|quoted|'|\"|words|\"|«|ici|»"),
        ("3.14 1,000,000 10:30 v1.2.3 50% $5", "3.14|1,000,000|10:30|v1.2.3|50|%|$|5"),
        ("1,2,3 or 1:2. The end is 7.", "1|,|2|,|3|or|1|:|2|.|The|end|is|7|."),
        ("wait... no… stop--now—yes ……", "wait|...|no|…|stop|--|now|—|yes|……"),
        ("See https://a.org/x?y=1#z. Or www.b.net/c, (http://d.e/f)!", "See|https://a.org/x?y=1#z|.|Or|www.b.net/c|,|(|http://d.e/f|)|!"),
        ("mail a.b+c@d-e.org, e.g. from the U.S.A.", "mail|a.b+c@d-e.org|,|e.g.|from|the|U.S.A."),
        ("<b>bold</b> **bold** `x`", "<|b|>|bold|<|/|b|>|*|*|bold|*|*|`|x|`"),
        ("<bos> <pad>", "<|bos|>|<|pad|>"),
        ("床前明月光，疑是地上霜。", "床|前|明|月|光|，|疑|是|地|上|霜|。"),
        ("私はカレーを食べる", "私|は|カ|レ|ー|を|食|べ|る"),
        ("I爱you 한국어 문장", "I|爱|you|한국어|문장"),
        ("สวัสดีชาวโลก สวัสดี\u200bชาวโลก", "สวัสดีชาวโลก|สวัสดี|ชาวโลก"),
        ('שלום עולם, צה"ל', 'שלום|עולם|,|צה"ל'),
        ("مرحبا بالعالم، كيف؟", "مرحبا|بالعالم|،|كيف|؟"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩‍👩‍👧‍👦👍🏽🇫🇷🇩🇪1️⃣2️⃣❤️", "👩‍👩‍👧‍👦|👍🏽|🇫🇷|🇩🇪|1️⃣|2️⃣|❤️"),
        ("nai\u0308ve x\u0302y col·lecció", "naïve|x\u0302y|col·lecció"),
        ("हिन्दी में", "हिन्दी|में"),
        ("a\tb\u00a0c\u3000d", "a|b|c|d"),
    ],
)
def test_words_are_cut_as_a_reader_would(text: str, cut: str):
    assert tokens.split(tokens.clean(text), "word") == tuple(cut.split("|"))


def test_characters_are_what_a_reader_calls_so():
    assert tokens.split(tokens.clean("e\u0301 👍🏽🇫🇷\tहि"), "character") == ("é", " ", "👍🏽", "🇫🇷", " ", "हि")


def test_a_space_is_shown_but_kept_as_it_is():
    assert tokens.split("a b", "character") == ("a", " ", "b")
    assert [tokens.label(token) for token in ("a", " ", "\u0020\u0308")] == ["a", "␣", "␣\u0308"]


@thoroughly
@given(LINES)
@example("HTTP://x.y")
def test_no_visible_character_is_lost(line: str):
    assert "".join(tokens.split(line, "word")) == line.replace(" ", "")
    assert "".join(tokens.split(line, "character")) == line


@thoroughly
@given(LINES, MODES)
def test_no_token_is_empty_or_a_special_one(line: str, mode: str):
    cut = tokens.split(line, mode)
    assert not {"", *tokens.SPECIALS} & set(cut)
    assert mode == "character" or not any(" " in token for token in cut)


@thoroughly
@given(LINES, MODES)
@example(tokens.clean("http : / / x"), "word")
@example(tokens.clean(". . . 3 . 14"), "word")
def test_joined_tokens_split_into_the_same_again(line: str, mode: str):
    cut = tokens.split(line, mode)
    joined = tokens.join(cut, mode)
    assert tokens.split(joined, mode) == cut
    assert tokens.clean(joined) == joined


@given(ANYTHING)
def test_both_ways_to_write_an_accent_are_one(line: str):
    assert tokens.clean(unicodedata.normalize("NFD", line)) == tokens.clean(unicodedata.normalize("NFC", line))


@pytest.mark.parametrize(
    "text",
    [
        "The dog, she said, barks!", "She said \"no\" (twice) and don't.", "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。",
        "and/or 50% of $5 [sic]", "Wait... what? See https://a.org/x, e.g. here.", "她說「明月」。", "مرحبا، كيف؟",
        "<bos> 'single' and \"double\"",
    ],
)  # fmt: skip
def test_joining_sets_spaces_as_people_do(text: str):
    assert tokens.join(tokens.split(text, "word"), "word") == text


def test_sentences_are_lines_and_keep_their_numbers():
    sentences = tokens.read("\ufeffOne two\r\n\r\n   \n\tthree \rfour\u2028five", "word")
    assert [(s.line, s.text, s.tokens) for s in sentences] == [
        (1, "One two", ("One", "two")), (4, "three", ("three",)), (5, "four", ("four",)), (6, "five", ("five",)),
    ]  # fmt: skip


def test_marks_that_only_steer_display_are_dropped():
    assert tokens.clean("\u202eco\u00adde\u202c\u200f\u2066x\u2069\ufeff") == "codex"


def test_the_vocabulary_starts_with_the_specials_then_goes_by_first_appearance():
    assert tokens.vocabulary(tokens.read("b a b\nThe the", "word")) == (*tokens.SPECIALS, "b", "a", "The", "the")
    assert [tokens.SPECIALS[i] for i in (tokens.PAD, tokens.BOS, tokens.EOS, tokens.UNK)] == ["<pad>", "<bos>", "<eos>", "<unk>"]


def words(count: int) -> str:
    return " ".join(f"w{i}" for i in range(count))


@pytest.mark.parametrize(
    ("text", "mode", "sentence"),
    [
        ("", "word", "There is no sentence: type at least one word, one sentence a line."),
        (" \n\t\n\u200b\u00ad\n", "word", "There is no sentence: type at least one word, one sentence a line."),
        ("x" * 100_000, "word", "The text has 100,000 characters; at most 20,000 are allowed."),
        ("ok\na\x00b", "word", "Line 2 contains a control character (U+0000), which is not text: remove it."),
        ("\x1b[31m", "character", "Line 1 contains a control character (U+001B), which is not text: remove it."),
        ("\n\nlost \ud800", "word", "Line 3 contains half of a character (U+D800), which is not text: remove it."),
        (
            "\n" + "a\n" * 5_000, "word",
            "The text has 5,000 sentences (lines); at most 200 are allowed: remove everything from line 202 on.",
        ),
        (
            "short\n" + "a " * 512, "word",
            "Line 2 has 512 tokens; at most 511 are allowed (512 steps with <bos>): break it into shorter lines.",
        ),
        (
            "x" * 600, "character",
            "Line 1 has 600 tokens; at most 511 are allowed (512 steps with <bos>): break it into shorter lines.",
        ),
    ],
    ids=["empty", "blank", "characters", "NUL", "escape", "surrogate", "lines", "words", "steps"],
)  # fmt: skip
def test_a_text_out_of_bounds_gets_one_sentence(text: str, mode: str, sentence: str):
    with pytest.raises(InvalidExperiment) as refused:
        tokens.read(text, mode)
    assert refused.value.problems == {"text": sentence}


def test_a_vocabulary_out_of_bounds_gets_one_sentence():
    lines = words(limits.VOCABULARY).split()
    sentences = tokens.read("\n".join(" ".join(lines[i : i + 250]) for i in range(0, len(lines), 250)), "word")
    assert len(tokens.vocabulary(sentences[:7])) == 1_750 + len(tokens.SPECIALS)
    with pytest.raises(InvalidExperiment) as refused:
        tokens.vocabulary(sentences)
    assert refused.value.problems == {"text": "Up to line 8, the text has 2,000 different tokens; at most 1,996 are allowed."}


@pytest.mark.parametrize(("text", "mode"), [(words(limits.STEPS - 1), "word"), ("a\n" * limits.SENTENCES, "character")])
def test_a_text_at_its_bounds_is_admitted(text: str, mode: str):
    sentences = tokens.read(text, mode)
    assert len(sentences) == limits.SENTENCES or len(sentences[0].tokens) + 1 == limits.STEPS


def test_no_torch_is_needed():
    done = subprocess.run([sys.executable, "-c", "import sys, core.tokens, dashboard.examples; assert 'torch' not in sys.modules"])
    assert done.returncode == 0
