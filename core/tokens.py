"""Text to tokens and back: what one step reads, as a reader of the text would cut it.

*word*: words and punctuation marks.  Kept whole: don't, merry-go-round, 3.14, 1,000, 10:30, e.g., web and mail addresses, ellipses, and
words of every script that puts spaces between them, in either direction of writing.  Han characters and kana, which are written without
spaces, are a token each.  Thai and its relatives stay whole between spaces (a zero width space counts as one).
*character*: grapheme clusters, that is, what a reader calls a character: a letter with its accents, an emoji with its skin tone, a flag.
A space is a token like any other.

Case is kept.  Text is normalised (NFC), so that the two ways to write an accented letter are one token.  Markup is text like any other.
No token of a text can equal one of `SPECIALS`: a "<" is always a token of its own.  Nothing here imports torch.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from core import limits
from core.experiment import InvalidExperiment

SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
PAD, BOS, EOS, UNK = range(4)
"""The ids of `SPECIALS`: padding, beginning and end of a sentence, unknown token."""

_CJK = r"[\p{Han}\p{Hiragana}\p{Katakana}ーｰ]"
_RUN = rf"(?:(?=[\p{{L}}\p{{N}}\p{{Pc}}])(?!{_CJK})\X)++"  # letters, digits and _, each with the marks that belong to it
_WORD = regex.compile(
    rf"""
      (?i:https?://|www\.)[!#-;=?-~]*[0-9a-zA-Z/=_~\#&+-]                # a web address, without the full stop that ends its sentence
    | [\w.+-]{{1,64}}+@[\w-]++(?:\.[\w-]++)+                             # a mail address
    | (?:(?!{_CJK})\p{{L}}\p{{M}}*+\.){{2,}}                             # e.g.  U.S.A.
    | [0-9]\ufe0f?\u20e3                                                 # a keycap emoji, before digits are taken for a number
    | {_RUN}(?:(?:
          ['’׳״·‐‑-]                                                     # don't  merry-go-round  col·lecció
        | (?<=\p{{Nd}})[.٫](?=\p{{Nd}})                                  # 3.14
        | (?<=\p{{Nd}})[,٬](?=\p{{Nd}}{{3}}(?!\p{{Nd}}))                 # 1,000, but not the list 1,2,3
        | (?<=\p{{Nd}}):(?=\p{{Nd}}{{2}}(?!\p{{Nd}}))                    # 10:30
        | (?<=\p{{Hebrew}}\p{{M}}*)"(?=\p{{Hebrew}})                     # a Hebrew acronym
      ){_RUN})*+
    | \.{{2,}} | …+ | -{{2,}} | —+                                       # an ellipsis or a dash, however long
    | (?!\s)\X                                                           # everything else: one visible character
    """,
    regex.VERBOSE,
)
_LINE_BREAK = regex.compile(r"\r\n|[\n\v\f\r\x85\u2028\u2029]")
_REFUSED = regex.compile(r"(?!\t)[\p{Cc}\p{Cs}]")
_STEERS_DISPLAY = regex.compile(r"[\u00ad\u061c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_SPACE = regex.compile(r"[\s\u200b]")

_CLINGS_LEFT = frozenset(".,;:!?…%)]}>»”’/，。、；：！？）」』】》〉،؛؟")
_CLINGS_RIGHT = frozenset("([{<«“‘¿¡$€£#@/（「『【《〈")
_TOGETHER = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ー\u3001-\u303f\uff01-\uff60“”‘’…—]")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a text: the line that it stands on (from 1), its cleaned text, and its tokens."""

    line: int
    text: str
    tokens: tuple[str, ...]


def split(text: str, tokens: str) -> tuple[str, ...]:
    """The tokens of one cleaned line (see `clean`); `tokens` is "word" or "character"."""
    return tuple(_WORD.findall(text)) if tokens == "word" else tuple(regex.findall(r"\X", text))


def join(parts: Iterable[str], tokens: str) -> str:
    """Tokens back into a line that a reader would write, which splits into the same tokens again.

    In word mode, spaces are set around punctuation as usual, and none between Han characters or kana.  Typed spacing is not remembered.
    """
    if tokens == "character":
        return "".join(parts)
    chunks: list[list[str]] = []
    open_quotes: set[str] = set()
    previous = ""
    for part in parts:
        closes = part in open_quotes
        clings = (
            closes
            or part[0] in _CLINGS_LEFT
            or _clings_right(previous, open_quotes)
            or bool(previous and _TOGETHER.match(previous[-1]) and _TOGETHER.match(part[0]))
        )
        # Two tokens that would read as another one when they touch (a full stop, then another) stay apart.
        if clings and chunks and split("".join(chunks[-1]) + part, "word") == (*chunks[-1], part):
            chunks[-1].append(part)
        else:
            chunks.append([part])
        if part in ("'", '"'):
            open_quotes ^= {part}
        previous = part
    return " ".join("".join(chunk) for chunk in chunks)


def _clings_right(token: str, open_quotes: set[str]) -> bool:
    return token in _CLINGS_RIGHT or token in open_quotes


def label(token: str) -> str:
    """A token as an axis shows it: a space is made visible.  (The vocabulary keeps the space itself.)"""
    return token.replace(" ", "␣")


def clean(line: str, number: int = 1) -> str:
    """One line, normalised: NFC, every kind of white space a space, no spaces at the ends, no invisible marks that only steer display
    (soft hyphens, direction marks, byte order marks).  Other control characters and lone surrogates raise `InvalidExperiment`."""
    if refused := _REFUSED.search(line):
        code = f"U+{ord(refused.group()):04X}"
        what = "half of a character" if unicodedata.category(refused.group()) == "Cs" else "a control character"
        raise _refusal(f"Line {number} contains {what} ({code}), which is not text: remove it.")
    return _SPACE.sub(" ", unicodedata.normalize("NFC", _STEERS_DISPLAY.sub("", line))).strip(" ")


def read(text: str, tokens: str) -> tuple[Sentence, ...]:
    """The sentences of a text, one a line, blank lines skipped.

    A text without sentences, or beyond a bound of `core.limits` (characters, sentences, steps), raises `InvalidExperiment` with one
    sentence that names the bound and the line.
    """
    if len(text) > limits.TEXT_CHARACTERS:
        raise _refusal(f"The text has {len(text):,} characters; at most {limits.TEXT_CHARACTERS:,} are allowed.")
    cleaned = ((number, clean(line, number)) for number, line in enumerate(_LINE_BREAK.split(text), 1))
    lines = [(number, line) for number, line in cleaned if line]
    if not lines:
        raise _refusal("There is no sentence: type at least one word, one sentence a line.")
    if len(lines) > limits.SENTENCES:
        raise _refusal(
            f"The text has {len(lines):,} sentences (lines); at most {limits.SENTENCES} are allowed: "
            f"remove everything from line {lines[limits.SENTENCES][0]} on."
        )
    sentences = tuple(Sentence(number, line, split(line, tokens)) for number, line in lines)
    for sentence in sentences:
        if len(sentence.tokens) + 1 > limits.STEPS:
            raise _refusal(
                f"Line {sentence.line} has {len(sentence.tokens):,} tokens; at most {limits.STEPS - 1} are allowed "
                f"({limits.STEPS} steps with <bos>): break it into shorter lines."
            )
    return sentences


def vocabulary(sentences: Sequence[Sentence]) -> tuple[str, ...]:
    """`SPECIALS`, then every token in order of its first appearance.  More than `limits.VOCABULARY` raise `InvalidExperiment`."""
    entries = dict.fromkeys(SPECIALS)
    for sentence in sentences:
        entries.update(dict.fromkeys(sentence.tokens))
        if len(entries) > limits.VOCABULARY:
            raise _refusal(
                f"Up to line {sentence.line}, the text has {len(entries) - len(SPECIALS):,} different tokens; "
                f"at most {limits.VOCABULARY - len(SPECIALS):,} are allowed."
            )
    return tuple(entries)


def _refusal(sentence: str) -> InvalidExperiment:
    return InvalidExperiment({"text": sentence})
