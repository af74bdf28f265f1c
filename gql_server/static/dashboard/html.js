// Preact and htm as one import: components are functions, markup is a tagged template, and no build step is needed.
import { Component, h, render, Fragment } from "../vendor/preact/preact.js";
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

// The component `View`, which is drawn again only when one of its properties is another.
export const memo = (View) =>
  class extends Component {
    shouldComponentUpdate(next) {
      return Object.keys(next).some((name) => next[name] !== this.props[name]);
    }
    render(properties) {
      return h(View, properties);
    }
  };
