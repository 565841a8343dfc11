// A Conversation is what was said and how the next answer is to be made. It lives in this browser only.
import type { ChatSettings, Message } from "./api";

const kKey = "atelier.conversation";

export interface Turn {
  role: "user" | "assistant";
  content: string;
  note?: string;    // "42 tokens · 35 tok/s"
  failed?: boolean; // content is an error, never sent to the model
}

export class Conversation {
  turns: Turn[] = [];
  system = "";
  settings: ChatSettings = { temperature: 0.7, topP: 0.8, maxTokens: 1024 };

  static restore(): Conversation {
    const conversation = new Conversation();
    try {
      Object.assign(conversation, JSON.parse(localStorage.getItem(kKey) ?? "{}"));
    } catch {
      // Unreadable: begin anew.
    }
    return conversation;
  }

  save(): void {
    try {
      localStorage.setItem(kKey, JSON.stringify(this));
    } catch {
      // The browser's store is full: the conversation goes on, it is only not kept.
    }
  }

  clear(): void {
    this.turns = [];
    this.save();
  }

  messages(): Message[] {
    const said = this.turns.filter((turn) => !turn.failed && turn.content !== "");
    const messages: Message[] = said.map(({ role, content }) => ({ role, content }));
    if (this.system.trim() !== "") messages.unshift({ role: "system", content: this.system });
    return messages;
  }
}
