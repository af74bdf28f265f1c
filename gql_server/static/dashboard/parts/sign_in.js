// Signing in where the server wants a token, and out.
import { html, useEffect, useRef, useState } from "../html.js";
import { usePage } from "../router.js";
import { learnSession, session, signIn, signOut } from "../session.js";
import { useStore } from "../use_store.js";
import { attempt } from "./notices.js";

export function SignIn({ why, onDone }) {
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState(null);
  const input = useRef(null);
  useEffect(() => input.current?.focus(), [wrong]);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await signIn(token);
    } catch (error) {
      setWrong({ message: error.message });
      return;
    }
    onDone();
  };
  return html`
    <div class="sign-in">
      <h1>Sign in</h1>
      <p>${why}</p>
      <form onSubmit=${submit} aria-label="Sign in">
        <label>
          Token
          <input ref=${input} type="password" autocomplete="off" spellcheck=${false} required maxlength="1100"
            aria-invalid=${wrong ? "true" : undefined} aria-describedby=${wrong ? "sign-in-wrong" : "sign-in-hint"}
            value=${token} onInput=${(event) => setToken(event.target.value)} />
        </label>
        <button type="submit" class="primary">Sign in</button>
      </form>
      ${wrong && html`<p id="sign-in-wrong" class="error-note" role="alert">${wrong.message}</p>`}
      <p id="sign-in-hint" class="quiet">
        Whoever runs the server makes a token with <code>reev-gql token create NAME</code>. It is kept until this browser is
        closed or you sign out, for all tabs, and no script can read it.
      </p>
    </div>
  `;
}

// Where a page of ours asks to go on after signing in; another site's address is not followed.
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  const url = URL.canParse(wanted, location.origin) ? new URL(wanted, location.origin) : null;
  return url?.origin === location.origin ? url.pathname + url.search : "/";
}

export function SignInPage() {
  usePage("Sign in");
  useEffect(() => void lookWhoIsSignedIn(), []);
  const { name, scope } = useStore(session);
  const goOn = () => location.assign(next());
  if (!name)
    return html`<${SignIn} why="With a token this browser may do what the token allows." onDone=${goOn} />`;
  return html`
    <div class="sign-in">
      <h1>Signed in</h1>
      <p>With the token <strong>${name}</strong>, which has the scope ${scope.toLowerCase()}.</p>
      <p><a href=${next()}>Go on</a> <${SignOut} /></p>
    </div>
  `;
}

export function SignOut() {
  const { name, scope } = useStore(session);
  const leave = () =>
    attempt(async () => {
      await signOut();
      location.reload();
    });
  if (!name) return null;
  return html`<button type="button" onClick=${leave} title=${`Signed in with the token ${name}, scope ${scope.toLowerCase()}`}>Sign out</button>`;
}

export const lookWhoIsSignedIn = () => learnSession().catch(() => {});
