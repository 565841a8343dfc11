// The message list: one article per turn.
import type { Turn } from "./conversation";
import { say } from "./language";
import { renderMarkdown } from "./markdown";

const list = document.getElementById("messages")!;

export function showWelcome(choose: (prompt: string) => void): void {
  const welcome = document.createElement("section");
  welcome.className = "welcome";
  const title = document.createElement("h1");
  title.textContent = say().welcome;
  welcome.append(title);
  for (const prompt of say().starters) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = prompt;
    button.addEventListener("click", () => choose(prompt));
    welcome.append(button);
  }
  list.replaceChildren(welcome);
}

export function clearMessages(): void {
  list.replaceChildren();
}

// The article of a turn; call update() whenever the turn has changed.
export class TurnView {
  private readonly article = document.createElement("article");
  private readonly body = document.createElement("div");
  private readonly note = document.createElement("footer");
  private pending = false;

  constructor(private readonly turn: Turn) {
    this.article.className = `turn ${turn.role}`;
    this.article.setAttribute("aria-label", turn.role === "user" ? say().you : say().answer);
    this.body.className = "body";
    this.article.append(this.body, this.note);
    list.append(this.article);
  }

  // While an answer streams: at most once a frame.
  streamed(): void {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      if (this.pending) this.draw(false);
      this.pending = false;
    });
  }

  finished(retry?: () => void): void {
    this.pending = false;
    this.draw(true);
    this.note.textContent = this.turn.note ?? "";
    if (!retry) return;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "quiet retry";
    again.textContent = say().retry;
    again.addEventListener("click", retry);
    this.note.append(again);
  }

  dropRetry(): void {
    this.note.querySelector(".retry")?.remove();
  }

  private draw(finished: boolean): void {
    const nearEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    this.article.classList.toggle("busy", !finished);
    this.article.classList.toggle("failed", this.turn.failed === true);
    if (this.turn.role === "user" || this.turn.failed) this.body.textContent = this.turn.content;
    else renderMarkdown(this.body, this.turn.content, finished);
    if (nearEnd) list.scrollTop = list.scrollHeight;
  }
}

export function scrollToEnd(): void {
  list.scrollTop = list.scrollHeight;
}
