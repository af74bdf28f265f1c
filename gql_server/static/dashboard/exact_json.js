// JSON whose whole numbers keep all their digits. A u64, such as an amount of base units, does not fit into a Number:
// beyond 2^53 one would read other digits than the server sent.

// A whole number that a Number cannot hold becomes its own text, which JSON.stringify writes as it came.
// Browsers without JSON.rawJSON round it, as ever.
export const exactly = JSON.rawJSON
  ? (_key, value, context) =>
      typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source)
        ? JSON.rawJSON(context.source)
        : value
  : undefined;

const LONG = /\d{16}/;

// Only a text with a long number is worth looking at each value.
export const parse = (text) => JSON.parse(text, LONG.test(text) ? exactly : undefined);
