// The chat page: wires the composer, the settings and the message list to the server.
import { hasKey, keepKey, KeyNeeded, servedModel, streamChat, type Usage } from "./api";
import { Conversation, type Turn } from "./conversation";
import { currentLanguage, say, switchLanguage, type Words } from "./language";
import { applyTheme, currentTheme, nextTheme } from "./theme";
import { clearMessages, scrollToEnd, showWelcome, TurnView } from "./view";

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const input = element<HTMLTextAreaElement>("input");
const conversation = Conversation.restore();
let model = "";
let answering: AbortController | null = null;
let lastView: TurnView | null = null;

async function answer(): Promise<void> {
  lastView?.dropRetry();
  const messages = conversation.messages();
  const turn: Turn = { role: "assistant", content: "" };
  conversation.turns.push(turn);
  const view = (lastView = new TurnView(turn));
  view.streamed();
  scrollToEnd();
  answering = new AbortController();
  showBusy(true);
  const clock = new AnswerClock();
  let reason = "";
  try {
    await streamChat(model, messages, conversation.settings, answering.signal, {
      text(delta) {
        clock.token();
        turn.content += delta;
        view.streamed();
      },
      usage: (usage) => clock.count(usage),
      finish: (why) => (reason = why),
    });
    turn.note = clock.summary(reason === "length" ? say().tooLong : "");
  } catch (error) {
    if (answering.signal.aborted) {
      turn.note = clock.summary(say().stopped);
    } else {
      turn.failed = true;
      if (error instanceof KeyNeeded) askForKey();
      turn.content = say().failed + (error instanceof Error ? error.message : String(error));
    }
  }
  answering = null;
  showBusy(false);
  view.finished(retry);
  conversation.save();
  input.focus();
}

function retry(): void {
  if (answering || conversation.turns.at(-1)?.role !== "assistant") return;
  conversation.turns.pop();
  redraw();
  void answer();
}

function send(text: string): void {
  if (answering || text.trim() === "") return;
  if (conversation.turns.length === 0) clearMessages();
  const turn: Turn = { role: "user", content: text };
  conversation.turns.push(turn);
  new TurnView(turn).finished();
  input.value = "";
  growInput();
  void answer();
}

// Measures one answer: time to its first token and tokens per second after it.
class AnswerClock {
  private readonly start = performance.now();
  private first = 0;
  private tokens = 0;

  token(): void {
    if (this.first === 0) this.first = performance.now();
    this.tokens += 1;
  }
  count(usage: Usage): void {
    this.tokens = usage.completion_tokens;
  }
  summary(remark: string): string {
    if (this.first === 0) return remark;
    const seconds = (performance.now() - this.first) / 1000;
    const rate = this.tokens > 1 ? `${((this.tokens - 1) / seconds).toFixed(1)} ${say().perSecond}` : "";
    const first = `${say().first} ${((this.first - this.start) / 1000).toFixed(2)} s`;
    return [remark, `${this.tokens} ${say().tokens}`, rate, first].filter(Boolean).join(" · ");
  }
}

function showBusy(busy: boolean): void {
  element("send").hidden = busy;
  element("stop").hidden = !busy;
}

function growInput(): void {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight, 200)}px`;
}

function redraw(): void {
  clearMessages();
  lastView = null;
  if (conversation.turns.length === 0) return showWelcome(send);
  conversation.turns.forEach((turn, index) => {
    const view = new TurnView(turn);
    const last = index === conversation.turns.length - 1 && turn.role === "assistant";
    view.finished(last ? retry : undefined);
    if (last) lastView = view;
  });
  scrollToEnd();
}

function relabel(): void {
  const words = say();
  document.documentElement.lang = currentLanguage();
  element("new-chat").textContent = words.newChat;
  element("settings-toggle").textContent = words.settings;
  element("language").textContent = words.language;
  element("theme").textContent = words[`theme${currentTheme()}`];
  element("send").textContent = words.send;
  element("stop").textContent = words.stop;
  input.placeholder = words.placeholder;
  input.setAttribute("aria-label", words.placeholder);
  for (const span of document.querySelectorAll<HTMLElement>("[data-text]")) {
    span.textContent = words[span.dataset.text as keyof Words] as string;
  }
}

function bindSlider(id: string, key: "temperature" | "topP" | "maxTokens"): void {
  const slider = element<HTMLInputElement>(id);
  const shown = element(`${id}-value`);
  slider.value = String(conversation.settings[key]);
  shown.textContent = slider.value;
  slider.addEventListener("input", () => {
    conversation.settings[key] = Number(slider.value);
    shown.textContent = slider.value;
    conversation.save();
  });
}

function bind(): void {
  element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send(input.value);
  });
  input.addEventListener("input", growInput);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send(input.value);
  });
  element("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = element<HTMLInputElement>("key");
    keepKey(field.value.trim());
    field.value = "";
    greet();
  });
  element("stop").addEventListener("click", () => answering?.abort());
  element("new-chat").addEventListener("click", () => {
    answering?.abort();
    conversation.clear();
    redraw();
    input.focus();
  });
  element("settings-toggle").addEventListener("click", () => {
    const panel = element("settings");
    panel.hidden = !panel.hidden;
    element("settings-toggle").setAttribute("aria-expanded", String(!panel.hidden));
  });
  element("language").addEventListener("click", () => {
    switchLanguage();
    relabel();
    if (!answering) redraw();
  });
  element("theme").addEventListener("click", () => {
    nextTheme();
    relabel();
  });
  const system = element<HTMLTextAreaElement>("system");
  system.value = conversation.system;
  system.addEventListener("input", () => {
    conversation.system = system.value;
    conversation.save();
  });
  bindSlider("temperature", "temperature");
  bindSlider("top-p", "topP");
  bindSlider("max-tokens", "maxTokens");
}

// Asks the server who it is; where it wants a key first, asks for that.
function greet(): void {
  servedModel().then(
    (id) => {
      model = id;
      element("model").textContent = id;
      element("model").title = id;
      element("key-form").hidden = true;
    },
    (error) => (error instanceof KeyNeeded ? askForKey() : (element("model").textContent = say().noServer)),
  );
}

function askForKey(): void {
  element("key-form").hidden = false;
  element("key-note").textContent = hasKey() ? say().keyWrong : say().keyNeeded;
  element("key").focus();
}

applyTheme();
bind();
relabel();
redraw();
greet();
