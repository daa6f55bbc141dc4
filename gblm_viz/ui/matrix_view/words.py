"""Every word the matrix view shows, in English and in Japanese, and which numbers stand in each sentence.
Knows no component: the view takes one of these tables, or any other with the same keys, in its value."""

from collections.abc import Mapping
from string import Formatter

ENGLISH: Mapping[str, str] = {
    "canvas": "{title}. {rows} rows, {columns} columns. Arrow keys move, plus and minus zoom, 0 shows everything, "
              "Enter pins a weight, Escape lets it go.",
    "hint": "Point to read; wheel or + − zoom; drag or arrow keys move; click pins a weight.",
    "weight": "row {row}, column {column}: {value}",
    "pooled_max": "rows {rows}, columns {columns}: maximum {value} of {count} weights",
    "pooled_extreme": "rows {rows}, columns {columns}: furthest from zero {value} of {count} weights",
    "pooled_mean": "rows {rows}, columns {columns}: mean {value} of {count} weights",
    "pooled_mask": "rows {rows}, columns {columns}: {value} of {count} weights removed",
    "pooled_four": "rows {rows}, columns {columns}: {value}; {count} weights",
    "pooled_chance": "rows {rows}, columns {columns}: {value} standard deviations from chance, {count} weights",
    "pinned": "Pinned: {text}",
    "none": "no value",
    "removed": "removed",
    "kept": "kept",
    "share_removed": "share removed",
    "scale_log": "log scale",
    "scale_linear": "linear scale",
    "one_weight": "one cell = one weight",
    "many_weights": "one pixel = {rows} × {columns} = {count} weights",
    "shows_max": "the largest shows",
    "shows_extreme": "the one furthest from zero shows",
    "shows_mean": "their mean shows",
    "shows_mask": "their density shows",
    "shows_four": "colours mix by share",
    "shows_chance": "density against chance, in standard deviations",
    "hatched": "hatched: no value",
    "visible": "rows {rows}, columns {columns}",
    "fields": "What the picture shows",
    "zoom_in": "Zoom in",
    "zoom_out": "Zoom out",
    "fit": "Show everything",
    "cells": "The visible weights of {title}",
    "loading": "Drawing …",
    "error_gone": "This picture is no longer kept on the server. Update it to see it again.",
    "error_bad": "This part of the picture cannot be drawn. Press 0 to show everything.",
    "error_failed": "The picture could not be drawn. The reason is in the server's log; update it to try again.",
    "error_offline": "The server did not answer. Move the picture to try again.",
}

JAPANESE: Mapping[str, str] = {
    "canvas": "{title}。{rows} 行 × {columns} 列。矢印キーで移動、＋と−で拡大・縮小、0で全体表示、"
              "Enterで重みを固定、Escで解除。",
    "hint": "指すと値、ホイールか＋−で拡大・縮小、ドラッグか矢印で移動、クリックで固定。",
    "weight": "行 {row}、列 {column}：{value}",
    "pooled_max": "行 {rows}、列 {columns}：{count} 個の重みの最大値 {value}",
    "pooled_extreme": "行 {rows}、列 {columns}：{count} 個の重みのうち 0 から最も遠い値 {value}",
    "pooled_mean": "行 {rows}、列 {columns}：{count} 個の重みの平均 {value}",
    "pooled_mask": "行 {rows}、列 {columns}：{count} 個の重みのうち {value} を除去",
    "pooled_four": "行 {rows}、列 {columns}：{value}（重み {count} 個）",
    "pooled_chance": "行 {rows}、列 {columns}：偶然からの差 {value} 標準偏差（重み {count} 個）",
    "pinned": "固定中：{text}",
    "none": "値なし",
    "removed": "除去",
    "kept": "保持",
    "share_removed": "除去された割合",
    "scale_log": "対数目盛",
    "scale_linear": "線形目盛",
    "one_weight": "1 マス = 重み 1 個",
    "many_weights": "1 画素 = {rows} × {columns} = 重み {count} 個",
    "shows_max": "最大値を表示",
    "shows_extreme": "0 から最も遠い値を表示",
    "shows_mean": "平均を表示",
    "shows_mask": "密度を表示",
    "shows_four": "割合に応じて色を混合",
    "shows_chance": "偶然と比べた密度（標準偏差単位）",
    "hatched": "斜線：値なし",
    "visible": "行 {rows}、列 {columns}",
    "fields": "図に表示するもの",
    "zoom_in": "拡大",
    "zoom_out": "縮小",
    "fit": "全体を表示",
    "cells": "{title}：表示中の重み",
    "loading": "描画中…",
    "error_gone": "この図はサーバーに残っていません。更新するともう一度表示できます。",
    "error_bad": "この部分は描画できません。0 キーで全体を表示してください。",
    "error_failed": "図を描画できませんでした。理由はサーバーの記録にあります。更新してもう一度お試しください。",
    "error_offline": "サーバーから応答がありません。図を動かすともう一度試します。",
}

WORD_KEYS = tuple(ENGLISH)
"""The keys a table of words for the view must have."""


def places(sentence: str) -> set[str]:
    """The names in braces: {"rows", "value", …}"""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def check_words(words: Mapping[str, str]) -> dict[str, str]:
    """The view's part of a table of words; KeyError where a word is missing, ValueError where its numbers differ."""
    missing = [key for key in WORD_KEYS if key not in words]
    if missing:
        raise KeyError(f"the matrix view lacks words for: {', '.join(missing)}")
    wrong = [key for key in WORD_KEYS if places(words[key]) != places(ENGLISH[key])]
    if wrong:
        raise ValueError(f"these sentences of the matrix view have other places for numbers: {', '.join(wrong)}")
    return {key: words[key] for key in WORD_KEYS}
