"""A chat template writes what transformers writes, and a hostile one ends soon, in one sentence, without its memory.

Knows nothing of answers.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from gblm_viz.core.base.errors import ModelError
from gblm_viz.core.model import models
from gblm_viz.core.talk import chat_template
from gblm_viz.core.talk.chat_template import Rendered, render, render_adapted
from gblm_viz.core.talk.generate import prompt_tokens
from gblm_viz.model_text import template_note
from gblm_viz.words import LANGUAGES, words
from tests.families import FAMILIES, tiny_tokenizer

TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " The sea? "},
        {"role": "assistant", "content": "<think>salt</think>It is wide.\n"},
        {"role": "user", "content": "日本語 \ud83d \"quoted\" <b> {{ 7 * 7 }} \u2028 \x00"}]

HONEST = {
    "llama2": """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}
{% set system = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system = false %}{% endif %}
{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}
{% if loop.index0 == 0 and system != false %}
{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}
{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}
{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}
{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
    "llama3": """{{- bos_token }}{%- if not date_string is defined %}
{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
{%- if tools is not none %}{{- 'Tools: ' }}{{- tools | tojson(indent=4) }}{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}""",
    "chatml": """{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] +
 '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "mistral": """{%- set ns = namespace(index=0, last=none) -%}{{ bos_token }}{%- for message in messages -%}
{%- if message.role == "system" -%}{%- set ns.last = message.content -%}{%- continue -%}{%- endif -%}
{%- if message["role"] == "user" -%}{%- if ns.index == 0 and ns.last -%}
{{- "[INST] " + ns.last + "\\n\\n" + message["content"] + "[/INST]" -}}{%- else -%}
{{- "[INST] " + message["content"] + "[/INST]" -}}{%- endif -%}{%- set ns.index = ns.index + 1 -%}
{%- elif message.tool_calls is defined -%}{{- raise_exception("no tools") -}}
{%- else -%}{{- " " + message["content"] | trim + eos_token -}}{%- endif -%}{%- endfor -%}""",
    "gemma": """{{ bos_token }}{%- macro turn(role, content) -%}<start_of_turn>{{ role }}
{{ content | trim }}<end_of_turn>
{% endmacro -%}{%- for message in messages -%}{%- set role = 'model' if message['role'] == 'assistant' else
 message['role'] -%}{{ turn(role, message['content']) }}{%- endfor -%}
{%- if add_generation_prompt -%}<start_of_turn>model
{%- endif -%}""",
    "qwen3": """{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}
{%- if '</think>' in message.content %}
{%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
{{- index ~ content ~ (loop.first or (not loop.last and reasoning_content is defined)) }}
{%- else %}{{- message.content.rstrip() }}{%- endif %}{%- endfor %}""",
    "everything": """{% generation %}{{ messages | tojson }}{% endgeneration %}
    {% for message in messages %}{% if loop.index > 2 %}{% break %}{% endif %}{{ loop.cycle('a', 'b') }}{% endfor %}
{{ dict(a=1, b=messages[0].content) | tojson(sort_keys=true, separators=(',', ':')) }}{{ dict.fromkeys('ab', 1) }}
{{ messages | map(attribute='role') | unique | join(', ') }} {{ '%s-%05.1f' | format('x', 2.25) }} {{ 7 // 2 ** 2 }}
{{ '{:>8}|{}'.format('x', messages[0]['role']) }} {{ documents is none }} {{ eos_token }} {{ unknown }}
{{ range(3) | list }}
{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ 'ß' | upper }} {{ -7 % 3 }} {{ 1e3 }}
{%- set ns = namespace(self=3) %}{{ ns.self }}{{ namespace({'a': [1, none, true]}).a | tojson }}
{% filter upper %}x{% endfilter %}{% macro twice() %}{{ caller() * 2 }}{% endmacro %}
{% call twice() %}y{% endcall %}""",
    "nothing": "",
    "trimmed": "  {% if true %}  \n  a\n  {% endif %}\n\n{# no #}\n b\n",
}
FAILING = {
    "raise_exception": ("{{ raise_exception('Only user and\\nassistant roles!') }}", "Only user and assistant roles!"),
    "undefined": ("{{ messages[0].tools.name }}", "has no attribute 'tools'"),
    "syntax": ("{% for %}", "Expected"),
    "type": ("{{ messages + 1 }}", "can only concatenate list"),
    "private": ("{{ ''.__class__.__mro__ }}", "unsafe"),
    "private_of_a_message": ("{{ messages.append.__self__.__class__ }}", "unsafe"),
    "private_namespace": ("{{ namespace(__class__=1) }}", "namespace"),
    "changes_a_message": ("{{ messages.append(1) }}", "unsafe"),
    "import": ("{% import 'os' as os %}", "loader"),
    "recursive_macro": ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion"),
    "deep_brackets": ("{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}", "recursion"),
    "deep_blocks": ("{% if 1 %}" * 3_000 + "{% endif %}" * 3_000, "recursion"),
    "range_too_long": ("{% for i in range(10**9) %}x{% endfor %}", "Range too big"),
    "long_message": ("{{ raise_exception('x' * 100000) }}", "x" * 150),
}
BEYOND = {
    "multiplied": '{{ "a" * 10**10 }}',
    "nested_loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "tower": "{{ (9 ** 99 ** 9) | string | length }}{{ 9 ** (9 ** 9) }}",
    "branching_macro": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "center": '{{ "a" | center(10**10) }}',
    "format": "{{ '%1000000000d' | format(1) }}",
    "method_format": "{{ '{:1000000000}'.format(1) }}",
    "doubled": ("{% set ns = namespace(x='aa') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"
                "{{ ns.x | length }}"),
    "replaced": '{{ ("a" * 100000).replace("a", "a" * 1000000) | length }}',
    "long_text": "{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
    "many_texts": "{% for i in range(99999) %}xxxx{% endfor %}",
    "batch": "{{ messages | batch(10**10, 'x') | list | length }}",
    "indent": "{{ messages | tojson(indent=10**10) }}",
    "lipsum": "{{ lipsum(n=10**9) | length }}",
    "long_template": "x" * (chat_template.TEMPLATE + 1),
}


@pytest.fixture(scope="module")
def tokenizer():  # type: ignore[no-untyped-def]
    return tiny_tokenizer()


@pytest.mark.parametrize("name", [*HONEST, "pocket"])
def test_an_honest_template_writes_what_transformers_writes(name: str, tokenizer) -> None:  # type: ignore[no-untyped-def]
    if name == "pocket":
        tokenizer = AutoTokenizer.from_pretrained(models.POCKET)
    else:
        tokenizer.chat_template = HONEST[name]
    for turns in (TALK, TALK[:2], TALK[1:2]):
        expected = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        assert render(tokenizer, turns, "tiny") == expected
    assert expected or name in ("nothing",)


def test_the_default_of_several_templates_is_the_one_that_writes(tokenizer) -> None:  # type: ignore[no-untyped-def]
    tokenizer.chat_template = {"default": "d{{ messages[0].content }}", "rag": "r"}
    assert render(tokenizer, TALK, "tiny") == "dBe brief."
    for none in ({"rag": "r"}, {"default": 5}):
        tokenizer.chat_template = none
        refused(tokenizer, "template_failed")


def refused(tokenizer, key: str) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelError) as caught:
        render(tokenizer, TALK, "tiny")
    assert caught.value.key == key
    for language in LANGUAGES:
        sentence = caught.value.say(words(language))
        assert "tiny" in sentence and "\n" not in sentence and len(sentence) < 500
    return str(caught.value)


@pytest.mark.parametrize("name", FAILING)
def test_a_template_that_fails_is_quoted(name: str, tokenizer) -> None:  # type: ignore[no-untyped-def]
    tokenizer.chat_template, quoted = FAILING[name]
    assert quoted in refused(tokenizer, "template_failed")


@pytest.mark.parametrize("name", BEYOND)
def test_a_template_that_asks_for_too_much_ends_soon_and_costs_this_process_nothing(
        name: str, tokenizer) -> None:  # type: ignore[no-untyped-def]
    tokenizer.chat_template = BEYOND[name]
    began, busy = time.monotonic(), time.process_time()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(tokenizer, "template_beyond")
    assert time.monotonic() - began < chat_template.PATIENCE + 5
    assert time.process_time() - busy < chat_template.SECONDS, "what it took, it took in its own process"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 50_000  # kB
    tokenizer.chat_template = "fine"
    assert render(tokenizer, TALK, "tiny") == "fine", "the next prompt is written as ever"


def test_one_prompt_after_the_other_is_written_by_the_same_process(
        tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Starting a process takes a hundred times as long as writing a prompt."""
    tokenizer.chat_template = HONEST["llama3"]
    render(tokenizer, TALK, "tiny")
    started: list[Any] = []
    start = chat_template.subprocess.Popen
    monkeypatch.setattr(chat_template.subprocess, "Popen",
                        lambda *given, **named: started.append(given) or start(*given, **named))
    for _ in range(50):
        render(tokenizer, TALK, "tiny")
    assert started == []


def test_prompts_are_written_beside_each_other_and_few_processes_stay(tokenizer) -> None:  # type: ignore[no-untyped-def]
    tokenizer.chat_template = HONEST["chatml"]
    expected = render(tokenizer, TALK, "tiny")
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: render(tokenizer, TALK, "tiny"), range(60)))
    assert set(found) == {expected}
    assert len(chat_template._POOL.waiting) <= chat_template.WAITING


def test_a_process_that_was_killed_while_it_waited_is_replaced(tokenizer) -> None:  # type: ignore[no-untyped-def]
    tokenizer.chat_template = "fine"
    render(tokenizer, TALK, "tiny")
    for child in list(chat_template._POOL.waiting):
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait()
    assert render(tokenizer, TALK, "tiny") == "fine"


def test_dropping_turns_of_a_slow_template_ends_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_template, "PATIENCE", 0.5)
    model = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")
    slow = "{% for i in range(300) %}{% for j in range(3000) %}{% endfor %}{% endfor %}"
    model.tokenizer.chat_template = slow + "x" * 200
    turns = [{"role": ("user", "assistant")[number % 2], "content": "again"} for number in range(201)]
    with pytest.raises(ModelError) as caught:
        prompt_tokens(model, turns)
    assert caught.value.key == "template_beyond"


def test_templates_are_rendered_nowhere_else() -> None:
    root = Path(chat_template.__file__).parents[2]
    asked = [file.name for file in root.rglob("*.py") if ".apply_chat_template" in file.read_text(encoding="utf-8")]
    assert asked == []


ASKING = {
    "system": ("{% if messages[0]['role'] != 'system' %}{{ raise_exception('First message must be a system prompt') }}"
               "{% endif %}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}",
               f"[system]{chat_template.SYSTEM}[user]The sea?"),
    "parts": ("{% for m in messages %}{% if m.content is string %}{{ raise_exception('content must be a list') }}"
              "{% endif %}{% for part in m.content %}[{{ part.type }}]{{ part.text }}{% endfor %}{% endfor %}",
              "[text]The sea?"),
    "parts_in_silence": ("{% for m in messages %}<{% for part in m['content'] %}{% if part['type'] == 'text' %}"
                         "{{ part['text'] }}{% endif %}{% endfor %}>{% endfor %}", "<The sea?>"),
    "system_parts": ("{% if messages[0].role != 'system' %}{{ raise_exception('no system') }}{% endif %}"
                     "{% for m in messages %}{{ m.content[0].text | trim }};{% endfor %}",
                     f"{chat_template.SYSTEM};The sea?;"),
}


@pytest.mark.parametrize("name", ASKING)
def test_a_template_is_given_the_system_message_or_the_parts_it_asks_for(name: str, tokenizer) -> None:  # type: ignore[no-untyped-def]
    tokenizer.chat_template, text = ASKING[name]
    found = render_adapted(tokenizer, [{"role": "user", "content": "The sea?"}], "tiny")
    assert (found.text, found.how) == (text, name.removesuffix("_in_silence"))


@pytest.mark.parametrize("name", [*HONEST, "pocket"])
def test_a_template_that_works_is_given_nothing_more(name: str, tokenizer) -> None:  # type: ignore[no-untyped-def]
    tokenizer = AutoTokenizer.from_pretrained(models.POCKET) if name == "pocket" else tokenizer
    if name != "pocket":
        tokenizer.chat_template = HONEST[name]
    turn = [{"role": "user", "content": " The <sea>? "}]
    assert render_adapted(tokenizer, turn, "tiny") == Rendered(render(tokenizer, turn, "tiny"))


@pytest.mark.parametrize("template", [*(template for template, _ in FAILING.values()), {"rag": "r"}, {"default": 5}])
def test_with_a_template_that_fails_the_prompt_is_plain_text_and_the_template_is_quoted(
        template: str | dict[str, str]) -> None:
    model = models.wrap(FAMILIES["llama"](), tiny_tokenizer(), "tiny")
    plain = prompt_tokens(model, [{"role": "user", "content": "The sea"}])
    model.tokenizer.chat_template = template
    found = prompt_tokens(model, [{"role": "user", "content": "The sea"}])
    assert (found.tokens, found.plain, found.how) == (plain.tokens, True, "failed")
    assert (plain.how, plain.why) == ("given", "")
    for language in LANGUAGES:
        assert found.why and found.why in template_note(words(language), found)
