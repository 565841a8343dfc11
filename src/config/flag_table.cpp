// Every flag of `atelier serve`, in the order of --help. vLLM's names and meanings, as far as they have one
// on this machine.
#include <array>

#include "config/flag.h"

namespace atelier::config {
namespace {

constexpr std::string_view kModel = "Model", kMemory = "Memory", kScheduling = "Scheduling",
                           kProcessor = "Processor", kNetwork = "Network", kApi = "API",
                           kAccess = "Keys, limits and origins", kTools = "Tools and reasoning",
                           kLora = "LoRA", kParallel = "Parallel", kSeeing = "Logs and metrics";

constexpr double kMost = 1 << 30, kMostBytes = 1ll << 50;

constexpr std::string_view kOneProcess =
    "one process serves the model with all cores it may use; --threads sets how many";
constexpr std::string_view kNoAdapters =
    "adapters cannot be served yet; the base model is, and a request for another name is answered 404";
constexpr std::string_view kNoParser = "answers come as the model wrote them: their text is not parsed";
constexpr std::string_view kNoCompiler =
    "nothing is compiled or captured at start; the kernels are ready made";

constexpr auto kFlags = std::to_array<Flag>({
    // clang-format off
    {.name = "model", .group = kModel, .value = "MODEL", .help = "a file, a folder, a hub id or a catalogue name; the same as the positional MODEL"},
    {.name = "served-model-name", .group = kModel, .value = "NAME", .help = "what requests may call the model; the first is shown (default: its id)", .many = true},
    {.name = "max-model-len", .group = kModel, .form = Form::kCount, .value = "N|auto", .preset = "auto", .help = "tokens of prompt and output of one sequence; 32k is 32,000, 32K is 32,768; auto and -1: what the model declares and memory holds", .least = 1, .most = kMost},
    {.name = "revision", .group = kModel, .value = "NAME", .preset = "main", .help = "branch of the hub's repository"},
    {.name = "download-dir", .group = kModel, .value = "FOLDER", .help = "where models from hubs are kept (default: the Hugging Face cache)"},
    {.name = "packed-cache", .group = kModel, .value = "FOLDER", .help = "keep the packed weights here, as large as the model; later starts map them instead of packing"},
    {.name = "hf-token", .group = kModel, .value = "TOKEN", .help = "for private models (default: HF_TOKEN)"},
    {.name = "load-format", .group = kModel, .value = "FORMAT", .preset = "auto", .help = "read from the files themselves", .instead = "the format is read from the files themselves", .usual = "auto|gguf|safetensors|hf"},
    {.name = "tokenizer", .group = kModel, .value = "MODEL", .help = "the model's own is used", .instead = "the model's own tokenizer is used"},
    {.name = "tokenizer-mode", .group = kModel, .value = "MODE", .preset = "auto", .help = "there is one tokenizer", .instead = "there is one tokenizer, equal to Hugging Face's fast one", .usual = "auto|hf|fast"},
    {.name = "trust-remote-code", .group = kModel, .form = Form::kSwitch, .preset = "false", .help = "nothing from a hub is ever run", .instead = "nothing from a hub is ever run; the architecture is built in"},
    {.name = "dtype", .group = kModel, .form = Form::kChoice, .value = "auto|half|float16|bfloat16|float|float32", .preset = "auto", .help = "float32 is --compute fp32; with the others weights stay as the file holds them", .instead = "weights stay as the file holds them; --compute says how products are formed", .usual = "auto|float|float32"},
    {.name = "quantization", .group = kModel, .value = "METHOD", .help = "read from the files themselves", .instead = "weights are read in the file's own quantisation", .usual = "gguf|none|None"},
    {.name = "rope-scaling", .group = kModel, .form = Form::kJsonObject, .value = "JSON", .help = "the model's own is used", .instead = "the scaling that the model's files declare is used"},
    {.name = "rope-theta", .group = kModel, .form = Form::kNumber, .value = "X", .help = "the model's own is used", .least = 1, .most = 1e12, .instead = "the theta that the model's files declare is used"},
    {.name = "hf-overrides", .group = kModel, .form = Form::kJsonObject, .value = "JSON", .help = "the model's own configuration is used", .instead = "the configuration in the model's files is used"},
    {.name = "task", .group = kModel, .value = "TASK", .preset = "auto", .help = "generation is served", .instead = "generation is served", .usual = "auto|generate"},
    {.name = "runner", .group = kModel, .value = "RUNNER", .preset = "auto", .help = "generation is served", .instead = "generation is served", .usual = "auto|generate"},
    {.name = "seed", .group = kModel, .form = Form::kInteger, .value = "N", .help = "the seed of requests that bring none (default: a new one each)", .least = 0, .most = 9007199254740991.0},
    {.name = "generation-config", .group = kModel, .value = "auto|vllm|FOLDER", .preset = "auto", .help = "sampling where a request is silent: auto = the model's generation_config.json, vllm = neutral, or a folder or file with another"},
    {.name = "override-generation-config", .group = kModel, .form = Form::kJsonObject, .value = "JSON", .help = "over that: {\"temperature\": 0.5}"},

    {.name = "gpu-memory-utilization", .group = kMemory, .form = Form::kNumber, .value = "SHARE", .help = "share of the machine's memory that the whole program may take (default: keys and values at most a quarter of what is free)", .least = 0.01, .most = 1},
    {.name = "kv-cache-memory-bytes", .group = kMemory, .form = Form::kBytes, .value = "N", .help = "memory for keys and values, 2G or 512M; goes before --gpu-memory-utilization", .least = 1 << 16, .most = kMostBytes},
    {.name = "num-gpu-blocks-override", .group = kMemory, .form = Form::kInteger, .value = "N", .help = "the same in blocks of 32 tokens; goes before both", .least = 1, .most = kMost},
    {.name = "kv-cache-dtype", .group = kMemory, .form = Form::kChoice, .value = "auto|float16|bfloat16|fp8|fp8_e4m3|fp8_e5m2|int8", .preset = "auto", .help = "how keys and values are kept: auto and float16 are f16 (f32 with --compute fp32), int8 takes 53 % of the room; the others are auto", .instead = "keys and values are kept in f16; the nearest that works is int8, in 53 % of the room", .usual = "auto|float16", .works = "int8"},
    {.name = "block-size", .group = kMemory, .form = Form::kInteger, .value = "N", .help = "tokens of a block of keys and values", .least = 1, .most = 65536, .instead = "a block of keys and values holds 32 tokens", .usual = "32"},
    {.name = "swap-space", .group = kMemory, .form = Form::kNumber, .value = "GIB", .help = "nothing is swapped", .least = 0, .most = 1e6, .instead = "keys and values live in the machine's memory already; nothing is swapped", .usual = "0"},
    {.name = "cpu-offload-gb", .group = kMemory, .form = Form::kNumber, .value = "GIB", .help = "all weights are in the machine's memory", .least = 0, .most = 1e6, .instead = "all weights are in the machine's memory already", .usual = "0"},
    {.name = "enable-sleep-mode", .group = kMemory, .form = Form::kSwitch, .preset = "false", .help = "the model stays loaded", .instead = "the model stays loaded"},

    {.name = "max-num-seqs", .group = kScheduling, .form = Form::kInteger, .value = "N", .preset = "32", .help = "generations running at once", .least = 1, .most = 4096},
    {.name = "max-num-batched-tokens", .group = kScheduling, .form = Form::kCount, .value = "N", .preset = "512", .help = "prompt tokens that enter one step", .least = 1, .most = 1 << 20},
    {.name = "max-num-queued-reqs", .group = kScheduling, .form = Form::kInteger, .value = "N", .preset = "4096", .help = "requests in the server at once, running or waiting, each choice of n for itself; beyond, they are answered 503", .least = 1, .most = 1e6},
    {.name = "max-num-queued-tokens", .group = kScheduling, .form = Form::kCount, .value = "N", .preset = "4M", .help = "prompt tokens taken in and not yet computed; beyond, requests are answered 503, but for one that comes alone", .least = 1, .most = 1e12},
    {.name = "long-prefill-token-threshold", .group = kScheduling, .form = Form::kCount, .value = "N", .preset = "0", .help = "most prompt tokens of one sequence in a step while others wait; 0: the scheduler decides", .least = 0, .most = 1 << 20},
    {.name = "enable-prefix-caching", .group = kScheduling, .form = Form::kSwitch, .preset = "true", .help = "keep what was computed of a prompt for the next that begins alike"},
    {.name = "scheduling-policy", .group = kScheduling, .form = Form::kChoice, .value = "fcfs|priority", .preset = "fcfs", .help = "priority: requests with a lower priority field run earlier"},
    {.name = "enable-chunked-prefill", .group = kScheduling, .form = Form::kSwitch, .preset = "true", .help = "long prompts enter in pieces", .instead = "long prompts always enter in pieces, so that they hold nobody up", .usual = "true"},
    {.name = "max-num-partial-prefills", .group = kScheduling, .form = Form::kInteger, .value = "N", .help = "set by the token budget", .least = 1, .most = 4096, .instead = "as many prompts as --max-num-batched-tokens holds enter a step"},
    {.name = "max-long-partial-prefills", .group = kScheduling, .form = Form::kInteger, .value = "N", .help = "set by the token budget", .least = 1, .most = 4096, .instead = "as many prompts as --max-num-batched-tokens holds enter a step"},
    {.name = "num-scheduler-steps", .group = kScheduling, .form = Form::kInteger, .value = "N", .help = "one step is planned at a time", .least = 1, .most = 4096, .instead = "one step is planned at a time", .usual = "1"},
    {.name = "async-scheduling", .group = kScheduling, .form = Form::kSwitch, .preset = "false", .help = "planning a step costs microseconds", .instead = "a step is planned when it begins; that costs microseconds", .usual = "false"},
    {.name = "stream-interval", .group = kScheduling, .form = Form::kInteger, .value = "N", .preset = "1", .help = "tokens are sent as they come", .least = 1, .most = 65536, .instead = "tokens are sent as they come; those that are there together share an event", .usual = "1"},
    {.name = "speculative-config", .group = kScheduling, .form = Form::kJsonObject, .value = "JSON", .help = "guess ahead: {\"method\": \"ngram\"} or {\"model\": DRAFT}; answers stay the same"},
    {.name = "shutdown-timeout", .group = kScheduling, .form = Form::kNumber, .value = "S", .preset = "30", .help = "seconds that requests under way may take to finish after SIGTERM", .least = 0, .most = 86400},

    {.name = "threads", .group = kProcessor, .form = Form::kInteger, .value = "N", .help = "threads of the step (default: one per core)", .least = 1, .most = 1024},
    {.name = "isa", .group = kProcessor, .form = Form::kChoice, .value = "scalar|avx2|avx512|amx", .help = "instruction set (default: the best)"},
    {.name = "compute", .group = kProcessor, .form = Form::kChoice, .value = "auto|bf16|fp32", .preset = "auto", .help = "how products are formed"},
    {.name = "performance-mode", .group = kProcessor, .form = Form::kChoice, .value = "interactivity|throughput", .preset = "interactivity", .help = "interactivity: one answer at the memory's speed; throughput: many at once, on AMX in bf16"},
    {.name = "device", .group = kProcessor, .value = "DEVICE", .preset = "auto", .help = "the processor", .instead = "the model runs on the processor", .usual = "auto|cpu"},
    {.name = "use-flash-attn", .group = kProcessor, .form = Form::kSwitch, .preset = "false", .help = "attention never stores its scores", .instead = "attention on the processor gathers over blocks of keys and never stores its scores, as FlashAttention does", .usual = "false"},
    {.name = "attention-backend", .group = kProcessor, .value = "NAME", .help = "chosen by the processor", .instead = "attention is chosen by the processor's instruction set; --isa forces one"},
    {.name = "enforce-eager", .group = kProcessor, .form = Form::kSwitch, .preset = "false", .help = "nothing is captured", .instead = kNoCompiler, .usual = "true|false"},
    {.name = "compilation-config", .group = kProcessor, .value = "JSON|N", .help = "nothing is compiled", .instead = kNoCompiler},
    {.name = "max-seq-len-to-capture", .group = kProcessor, .form = Form::kCount, .value = "N", .help = "nothing is captured", .least = 0, .most = kMost, .instead = kNoCompiler},

    {.name = "host", .group = kNetwork, .value = "ADDRESS", .preset = "127.0.0.1", .help = "address to listen on; 0.0.0.0: all"},
    {.name = "port", .group = kNetwork, .form = Form::kInteger, .value = "N", .preset = "8000", .help = "port to listen on; 0: any free one", .least = 0, .most = 65535},
    {.name = "root-path", .group = kNetwork, .value = "PATH", .help = "what a proxy in front puts before every path: /llm"},
    {.name = "ssl-keyfile", .group = kNetwork, .value = "FILE", .help = "refused: put nginx or haproxy in front"},
    {.name = "ssl-certfile", .group = kNetwork, .value = "FILE", .help = "refused, likewise"},
    {.name = "ssl-ca-certs", .group = kNetwork, .value = "FILE", .help = "refused, likewise"},
    {.name = "ssl-cert-reqs", .group = kNetwork, .form = Form::kInteger, .value = "N", .help = "refused unless 0", .least = 0, .most = 2},
    {.name = "disable-frontend-multiprocessing", .group = kNetwork, .form = Form::kSwitch, .preset = "false", .help = "there is one process", .instead = "there is one process", .usual = "true|false"},
    {.name = "api-server-count", .group = kNetwork, .form = Form::kInteger, .value = "N", .help = "there is one process", .least = 1, .most = 1024, .instead = "one process answers; its threads share the port", .usual = "1"},

    {.name = "chat-template", .group = kApi, .value = "FILE", .help = "a Jinja template in place of the model's, or its text"},
    {.name = "chat-template-content-format", .group = kApi, .form = Form::kChoice, .value = "auto|string|openai", .preset = "auto", .help = "how templates see a message's parts", .instead = "a message's text parts are joined before the template sees them", .usual = "auto|string"},
    {.name = "response-role", .group = kApi, .value = "ROLE", .preset = "assistant", .help = "the role of answers"},
    {.name = "max-logprobs", .group = kApi, .form = Form::kInteger, .value = "N", .preset = "20", .help = "most alternatives per token that a request may ask for; -1: the whole vocabulary", .least = -1, .most = 1 << 20},
    {.name = "enable-force-include-usage", .group = kApi, .form = Form::kSwitch, .preset = "false", .help = "streams end with their usage, asked for or not"},
    {.name = "enable-request-id-headers", .group = kApi, .form = Form::kSwitch, .preset = "true", .help = "every answer carries X-Request-Id", .instead = "every answer carries X-Request-Id", .usual = "true"},
    {.name = "return-tokens-as-token-ids", .group = kApi, .form = Form::kSwitch, .preset = "false", .help = "log-probabilities name tokens by text", .instead = "log-probabilities name tokens by their text and bytes", .usual = "false"},

    {.name = "api-key", .group = kAccess, .value = "KEY", .help = "keys that clients must send, as Authorization: Bearer or x-api-key (default: ATELIER_API_KEY, VLLM_API_KEY, else none)", .many = true},
    {.name = "limit-requests-per-min", .group = kAccess, .form = Form::kInteger, .value = "N", .preset = "0", .help = "of one key, or of one address where there are no keys; beyond: 429; 0: no limit", .least = 0, .most = 1e9},
    {.name = "limit-tokens-per-min", .group = kAccess, .form = Form::kCount, .value = "N", .preset = "0", .help = "the same for tokens of prompt and output", .least = 0, .most = 1e12},
    {.name = "allowed-origins", .group = kAccess, .form = Form::kJsonList, .value = "JSON", .preset = "[]", .help = "pages of these origins may use the API: [\"https://a.example\"] or [\"*\"]"},
    {.name = "allowed-methods", .group = kAccess, .form = Form::kJsonList, .value = "JSON", .preset = "[\"*\"]", .help = "methods they may use"},
    {.name = "allowed-headers", .group = kAccess, .form = Form::kJsonList, .value = "JSON", .preset = "[\"*\"]", .help = "headers they may send"},
    {.name = "allow-credentials", .group = kAccess, .form = Form::kSwitch, .preset = "false", .help = "they may send cookies along"},

    {.name = "enable-auto-tool-choice", .group = kTools, .form = Form::kSwitch, .preset = "false", .help = "the model decides whether to call a tool", .instead = kNoParser, .usual = "false"},
    {.name = "tool-call-parser", .group = kTools, .value = "NAME", .help = "tool calls come as text", .instead = kNoParser},
    {.name = "tool-parser-plugin", .group = kTools, .value = "FILE", .help = "no plugins are run", .instead = "no plugins are run"},
    {.name = "reasoning-parser", .group = kTools, .value = "NAME", .help = "reasoning comes as text", .instead = kNoParser},

    {.name = "enable-lora", .group = kLora, .form = Form::kSwitch, .preset = "false", .help = "adapters cannot be served yet", .instead = kNoAdapters, .usual = "false"},
    {.name = "lora-modules", .group = kLora, .value = "NAME=PATH", .help = "adapters cannot be served yet", .many = true, .instead = kNoAdapters},
    {.name = "max-loras", .group = kLora, .form = Form::kInteger, .value = "N", .help = "adapters cannot be served yet", .least = 1, .most = 4096, .instead = kNoAdapters},
    {.name = "max-lora-rank", .group = kLora, .form = Form::kInteger, .value = "N", .help = "adapters cannot be served yet", .least = 1, .most = 4096, .instead = kNoAdapters},
    {.name = "max-cpu-loras", .group = kLora, .form = Form::kInteger, .value = "N", .help = "adapters cannot be served yet", .least = 1, .most = 4096, .instead = kNoAdapters},

    {.name = "tensor-parallel-size", .group = kParallel, .form = Form::kInteger, .value = "N", .preset = "1", .help = "one process serves the model", .least = 1, .most = 4096, .instead = kOneProcess, .usual = "1"},
    {.name = "pipeline-parallel-size", .group = kParallel, .form = Form::kInteger, .value = "N", .preset = "1", .help = "one process serves the model", .least = 1, .most = 4096, .instead = kOneProcess, .usual = "1"},
    {.name = "data-parallel-size", .group = kParallel, .form = Form::kInteger, .value = "N", .preset = "1", .help = "one process serves the model", .least = 1, .most = 4096, .instead = kOneProcess, .usual = "1"},
    {.name = "distributed-executor-backend", .group = kParallel, .value = "NAME", .help = "one process serves the model", .instead = kOneProcess},
    {.name = "disable-custom-all-reduce", .group = kParallel, .form = Form::kSwitch, .preset = "false", .help = "nothing is reduced between cards", .instead = kOneProcess, .usual = "true|false"},

    {.name = "uvicorn-log-level", .group = kSeeing, .form = Form::kChoice, .value = "trace|debug|info|warning|error|critical", .preset = "info", .help = "the least that is logged"},
    {.name = "enable-log-requests", .group = kSeeing, .form = Form::kSwitch, .preset = "false", .help = "a line when a request begins: its id and parameters, never its prompt"},
    {.name = "disable-log-requests", .group = kSeeing, .form = Form::kSwitch, .preset = "true", .help = "the same the other way round, as older versions of vLLM spell it"},
    {.name = "max-log-len", .group = kSeeing, .form = Form::kInteger, .value = "N", .help = "prompts are never logged", .least = 0, .most = kMost, .instead = "prompts are never logged, not even their beginnings"},
    {.name = "disable-log-stats", .group = kSeeing, .form = Form::kSwitch, .preset = "false", .help = "no line of statistics every ten seconds while something runs"},
    {.name = "enable-per-request-metrics", .group = kSeeing, .form = Form::kSwitch, .preset = "false", .help = "every reply tells how long it took (metrics)"},
    {.name = "otlp-traces-endpoint", .group = kSeeing, .value = "URL", .help = "a span of every request goes to this OTLP/HTTP collector (http://HOST:4318)"},
    // clang-format on
});

// vLLM's short spellings.
constexpr std::pair<std::string_view, std::string_view> kShortNames[] = {
    {"tp", "tensor-parallel-size"},
    {"pp", "pipeline-parallel-size"},
    {"dp", "data-parallel-size"},
    {"q", "quantization"},
};

}  // namespace

std::span<const Flag> flags() {
  return kFlags;
}

std::string_view long_name(std::string_view short_name) {
  for (const auto& [brief, name] : kShortNames) {
    if (brief == short_name) return name;
  }
  return {};
}

}  // namespace atelier::config
