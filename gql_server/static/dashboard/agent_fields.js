// The fields of an agent's form: which setting each is for, how it is read, and what it is for in a few words.
// Texts of the form become values of the API, and back. Pure data and functions.

const WHOLE = { type: "number", step: 1 };
const DECIMAL = { type: "number", step: "any" };
const SECONDS = { type: "number", step: "any", scale: 1000 };

export const COMMON = [
  {
    name: "protocol",
    label: "Protocol",
    choices: [
      ["OPENAI", "OpenAI chat completions, and what speaks it"],
      ["ANTHROPIC", "Anthropic messages"],
    ],
  },
  {
    name: "toolSet",
    label: "Amounts in tools",
    hint: "Decides results: figures of the two are never added up.",
    choices: [
      ["BASE_UNITS", "base units, such as lamports"],
      ["DECIMAL", "decimals, such as 0.5 SOL"],
    ],
  },
  { name: "temperature", label: "Temperature", ...DECIMAL, placeholder: "the endpoint's default" },
  { name: "maxTurns", label: "Turns in a step", ...WHOLE },
];

export const MORE = [
  {
    title: "What is asked for",
    fields: [
      { name: "topP", label: "Top p", ...DECIMAL, placeholder: "the endpoint's default" },
      { name: "seed", label: "Seed", ...WHOLE, placeholder: "the endpoint's default" },
      { name: "maxTokens", label: "Tokens of one answer", ...WHOLE, placeholder: "the endpoint's default" },
      {
        name: "parameters",
        label: "More members of each request",
        type: "json",
        hint: 'A JSON object, sent as it is, such as {"reasoning_effort": "low"}.',
      },
    ],
  },
  {
    title: "Limits",
    fields: [
      { name: "maxToolCalls", label: "Tool calls in a step", ...WHOLE },
      { name: "requestTimeoutMs", label: "Time for a request (seconds)", ...SECONDS },
      { name: "timeLimitMs", label: "Time for a step (seconds)", ...SECONDS },
      {
        name: "retries",
        label: "Tries after the first",
        ...WHOLE,
        hint: "Of requests that fail in passing.",
      },
      {
        name: "onLimit",
        label: "At a limit",
        choices: [
          ["EXECUTE", "execute what was prepared"],
          ["FAIL", "fail"],
        ],
      },
    ],
  },
  {
    title: "What the model is shown",
    fields: [
      {
        name: "conversation",
        label: "Steps of a flow",
        choices: [
          ["PER_STEP", "begin a new conversation"],
          ["CONTINUED", "continue the conversation"],
        ],
      },
      { name: "enumNames", label: "Tools take only names of the benchmark (easier)", type: "checkbox" },
      { name: "simulate", label: "Offer simulate_transaction", type: "checkbox" },
      {
        name: "dropMessageFields",
        label: "Members not sent back",
        type: "list",
        hint: "Names, separated by commas.",
      },
      {
        name: "dropSchemaKeywords",
        label: "Keywords left out of schemas",
        type: "list",
        hint: "Names, separated by commas.",
      },
    ],
  },
  {
    title: "Prices",
    fields: [
      { name: "priceIn", label: "Of a million input tokens", ...DECIMAL, placeholder: "unknown" },
      { name: "priceOut", label: "Of a million output tokens", ...DECIMAL, placeholder: "unknown" },
    ],
  },
];

const SETTINGS = [...COMMON, ...MORE.flatMap(({ fields }) => fields)];

// What stands in each field for a stored configuration; null for none.
export function textsOf(config) {
  const texts = { apiUrl: config?.apiUrl ?? "", model: config?.model ?? "", apiKey: "" };
  for (const field of SETTINGS) texts[field.name] = shown(field, config?.settings[field.name]);
  return texts;
}

function shown({ type, scale = 1, choices }, value) {
  if (type === "checkbox") return value ?? false;
  if (value == null) return choices ? choices[0][0] : "";
  if (type === "list") return value.join(", ");
  if (type === "json") return Object.keys(value).length === 0 ? "" : JSON.stringify(value, null, 2);
  return type === "number" ? String(value / scale) : value;
}

// The input of saveAgentConfig with the settings that differ from `stored` texts, or {problems}: a sentence per field
// that cannot be read.
export function inputOf(texts, stored = {}) {
  const problems = {};
  const settings = {};
  for (const field of SETTINGS.filter(({ name }) => texts[name] !== stored[name])) {
    try {
      settings[field.name] = read(field, texts[field.name]);
    } catch (error) {
      problems[field.name] = error.message;
    }
  }
  if (Object.keys(problems).length > 0) return { problems };
  return {
    input: {
      apiUrl: texts.apiUrl.trim() || null,
      model: texts.model.trim() || null,
      ...(texts.apiKey && { apiKey: texts.apiKey }),
      ...(Object.keys(settings).length > 0 && { settings }),
    },
  };
}

function read({ type, step, scale = 1 }, text) {
  if (type === "checkbox") return text;
  const given = text.trim();
  if (given === "") return null;
  switch (type) {
    case "number": {
      const value = Number(given);
      if (!Number.isFinite(value)) throw new Error("This must be a number.");
      if (step === 1 && !Number.isInteger(value)) throw new Error("This must be a whole number.");
      return scale === 1 ? value : Math.round(value * scale);
    }
    case "list":
      return given
        .split(",")
        .map((name) => name.trim())
        .filter(Boolean);
    case "json":
      return object(given);
    default:
      return given;
  }
}

function object(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new Error("This must be a JSON object, such as {}.");
  return value;
}
