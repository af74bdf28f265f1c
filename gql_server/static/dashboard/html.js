// Preact and htm as one import: components are functions, markup is a tagged template, and no build step is needed.
import { h, render, Fragment } from "../vendor/preact/preact.js";
import htm from "../vendor/htm/htm.js";

export { render, Fragment };
export {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../vendor/preact/hooks.js";

export const html = htm.bind(h);
