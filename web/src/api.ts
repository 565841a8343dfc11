// The server's OpenAI-compatible API, as far as the page needs it.

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface ChatSettings {
  temperature: number;
  topP: number;
  maxTokens: number;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

export interface ChatEvents {
  text(delta: string): void;
  usage(usage: Usage): void;
  finish(reason: string): void;
}

const kKey = "atelier.key";

// The key for servers that ask for one. It stays in this browser.
export function keepKey(key: string): void {
  if (key === "") localStorage.removeItem(kKey);
  else localStorage.setItem(kKey, key);
}

export function hasKey(): boolean {
  return localStorage.getItem(kKey) !== null;
}

// The server wants a key, or another one.
export class KeyNeeded extends Error {}

function headers(): Record<string, string> {
  const key = localStorage.getItem(kKey);
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

// The id of the model this server runs. Addresses are relative: a proxy may put the page under a path.
export async function servedModel(): Promise<string> {
  const reply = await fetch("v1/models", { headers: headers() });
  if (reply.status === 401) throw new KeyNeeded(await errorMessage(reply));
  if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
  const body = (await reply.json()) as { data: { id: string }[] };
  return body.data[0]?.id ?? "";
}

// Streams one answer; resolves at its end. Aborting `signal` closes the connection, which stops the generation.
export async function streamChat(
  model: string, messages: Message[], settings: ChatSettings, signal: AbortSignal, events: ChatEvents,
): Promise<void> {
  const reply = await fetch("v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers() },
    signal,
    body: JSON.stringify({
      model, messages, stream: true, stream_options: { include_usage: true },
      temperature: settings.temperature, top_p: settings.topP, max_tokens: settings.maxTokens,
    }),
  });
  if (reply.status === 401) throw new KeyNeeded(await errorMessage(reply));
  if (!reply.ok || !reply.body) throw new Error(await errorMessage(reply));
  for await (const data of serverSentEvents(reply.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    const choice = chunk.choices[0];
    if (choice?.delta?.content) events.text(choice.delta.content);
    if (choice?.finish_reason) events.finish(choice.finish_reason);
    if (chunk.usage) events.usage(chunk.usage);
  }
}

async function errorMessage(reply: Response): Promise<string> {
  try {
    return (await reply.json()).error.message;
  } catch {
    return `HTTP ${reply.status}`;
  }
}

// The `data:` payloads of a text/event-stream body, whole, in order.
async function* serverSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    let end: number;
    while ((end = buffer.indexOf("\n\n")) >= 0) {
      const event = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (event.startsWith("data: ")) yield event.slice(6);
    }
  }
}
