// Uses a server as a Node program would: node client.mjs BASE_URL MODEL. Prints what came back as one JSON object.
import OpenAI from "openai";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0, timeout: 120_000 });
const messages = [{ role: "user", content: "Count from one to ten in words." }];
const greedy = { model, temperature: 0 };
const seen = {};

seen.models = (await client.models.list()).data.map((one) => one.id);
seen.model = (await client.models.retrieve(model)).id;

const chat = await client.chat.completions.create({ ...greedy, messages, max_tokens: 12 });
seen.chat = { text: chat.choices[0].message.content, reason: chat.choices[0].finish_reason, usage: chat.usage };

let text = "";
let chunks = 0;
let usage = null;
const stream = await client.chat.completions.create({
  ...greedy, messages, max_tokens: 12, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
  chunks += 1;
}
seen.stream = { text, chunks, usage };

const helper = client.chat.completions.stream({ ...greedy, messages, max_tokens: 12 });
seen.helper = (await helper.finalChatCompletion()).choices[0].message.content;

const completion = await client.completions.create({ ...greedy, prompt: "The capital of France is", max_tokens: 4 });
seen.completion = completion.choices[0].text;

const embeddings = await client.embeddings.create({ model, input: ["hello", "world"] });
seen.embeddings = embeddings.data.map((one) => one.embedding);

const response = await client.responses.create({ ...greedy, input: "What is 2 + 2?", max_output_tokens: 40 });
seen.response = { id: response.id, text: response.output_text, status: response.status };
seen.retrieved = (await client.responses.retrieve(response.id)).output_text;
const next = await client.responses.create({
  ...greedy, input: "Again.", previous_response_id: response.id, max_output_tokens: 8,
});
seen.next = next.previous_response_id;
let delta = "";
const events = [];
for await (const event of await client.responses.create({
  ...greedy, input: "What is 2 + 2?", max_output_tokens: 40, stream: true,
})) {
  events.push(event.type);
  if (event.type === "response.output_text.delta") delta += event.delta;
}
seen.events = { first: events[0], last: events.at(-1), text: delta };
await client.responses.delete(response.id);

try {
  await client.chat.completions.create({ model: "no-such-model", messages });
} catch (error) {
  seen.error = { kind: error.constructor.name, status: error.status, param: error.param };
}

const endless = await client.chat.completions.create({ ...greedy, messages, stream: true, ignore_eos: true });
for await (const _ of endless) break; // leaving the loop hangs up
console.log(JSON.stringify(seen));
