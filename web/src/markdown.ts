// Markdown -> safe DOM: marked makes HTML, DOMPurify cleans the final HTML, and only that reaches the page.
import DOMPurify from "dompurify";
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { marked } from "marked";

import { say } from "./language";

const languages = { bash, cpp, css, go, java, javascript, json, markdown, python, rust, sql, typescript, xml, yaml };
for (const [name, grammar] of Object.entries(languages)) hljs.registerLanguage(name, grammar);
marked.setOptions({ gfm: true, breaks: true });

const allowed = {
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "iframe", "object", "embed", "img", "svg", "math", "video", "audio"],
  FORBID_ATTR: ["style", "id", "name"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#)/i,
};

// `finished`: colours and copy buttons wait for the end of the answer, so that streaming stays cheap.
export function renderMarkdown(target: HTMLElement, text: string, finished: boolean): void {
  const html = marked.parse(text, { async: false });
  target.replaceChildren(DOMPurify.sanitize(html, { ...allowed, RETURN_DOM_FRAGMENT: true }));
  for (const link of target.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  if (finished) target.querySelectorAll<HTMLElement>("pre > code").forEach(dressCode);
}

function dressCode(code: HTMLElement): void {
  const language = [...code.classList].find((name) => name.startsWith("language-"))?.slice(9) ?? "";
  if (hljs.getLanguage(language)) hljs.highlightElement(code);
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "copy";
  copy.textContent = say().copy;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent ?? "");
    copy.textContent = say().copied;
    setTimeout(() => (copy.textContent = say().copy), 1500);
  });
  code.parentElement!.append(copy);
}
