// The inbox's script. The server writes every card; this signs in, asks for
// what changed, puts it into the page without disturbing whoever reads there,
// and sends clicks. Text from the server becomes markup in one place, parse().

const stored = "authbridge.session";
const begun = "authbridge.sign-in"; // the secret of a sign-in that is under way in this tab
const waitSeconds = 25;
const lostAfter = 40_000; // ms; longer than any answer takes
const longestPause = 10_000;
const clocksDiffer = 60_000; // ms; worth a word
const sections = ["waiting", "stopped", "given", "earlier", "sessions"];
const settleTime = 700; // ms; longer than between the two taps of a double tap

const main = document.querySelector("main");
const whose = document.getElementById("whose");
const light = document.getElementById("connection");
const announcer = document.getElementById("announcer");
const noticeLine = document.getElementById("notice");
const clockLine = document.getElementById("clock");
const own = document.getElementById("own"); // what only who is signed in can press
const toSessions = document.getElementById("to-sessions");
const signOutButton = document.getElementById("sign-out");

const markup = window.trustedTypes
  ? window.trustedTypes.createPolicy("inbox", { createHTML: (html) => html })
  : { createHTML: (html) => html };

let session = ""; // the secret that names us to the server
let etag = ""; // of what is on the page
let behind = 0; // ms that this device's clock is behind the bridge's
let poll = null; // the AbortController of the call that waits for a change
const underway = new Set(); // clicks that wait for their answer
const settled = new WeakMap(); // from when on a button counts that lies where another lay
let lately = []; // where something to be pressed has lain until a moment ago, the oldest first

// --- Signing in and out

// takeLink reads the secret of a sign-in link and removes it from the address
// bar at once.
function takeLink() {
  const link = location.hash.slice(1);
  if (location.hash !== "") {
    history.replaceState(null, "", location.pathname);
  }
  return link;
}

// takeAnswer reads what a provider has sent this tab back with, and removes it
// from the address bar and the tab's history at once. null = nothing.
function takeAnswer() {
  if (location.pathname !== "/callback") {
    return null;
  }
  const given = new URLSearchParams(location.search);
  history.replaceState(null, "", "/");
  const answer = { begun: sessionStorage.getItem(begun) ?? "" };
  sessionStorage.removeItem(begun);
  for (const name of ["state", "iss", ...(given.has("error") ? ["error"] : ["code"])]) {
    answer[name] = given.get(name) ?? "";
  }
  return answer;
}

async function enter() {
  const answer = takeAnswer();
  const link = takeLink();
  const known = sessionStorage.getItem(stored);
  if (answer?.begun === "") { // somebody else's, perhaps: it is not even sent on
    refused("This tab did not begin that sign-in, so nobody is signed in by it. Begin again.", known);
  } else if (answer) {
    notice("You are being signed in."); // the bridge asks the provider, which may take its time
    await signIn(answer, known);
  } else if (link !== "") {
    await signIn({ link }, known);
  } else if (known) {
    begin(known);
  } else {
    shut("This page has no session. Each browser tab has its own.");
  }
}

// signIn exchanges what was brought for a session.
async function signIn(brought, known) {
  let why;
  try {
    const answer = await fetch("/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(brought),
    });
    if (answer.ok) {
      begin((await answer.json()).session);
      return;
    }
    why = await answer.text();
  } catch {
    why = "The bridge did not answer. Is it running?";
  }
  refused(why, known);
}

// refused says why nobody was signed in. Who is signed in already stays so.
function refused(why, known) {
  if (!known) {
    shut(why);
    return;
  }
  if (session === "") {
    begin(known);
  }
  notice(`${why.trim()} You are still signed in as before.`);
}

function begin(secret) {
  sessionStorage.setItem(stored, secret);
  etag = "";
  notice("");
  own.hidden = false;
  main.replaceChildren();
  session = secret;
  poll?.abort();
  follow(secret);
}

// leave goes to the provider. What proves later that it was this tab stays here.
async function leave(button) {
  const line = button.closest("section").querySelector("[data-remark]");
  button.setAttribute("aria-disabled", "true");
  let why = "The bridge did not answer. Try again.";
  try {
    const answer = await fetch("/sign-in", { method: "POST", cache: "no-store", signal: AbortSignal.timeout(lostAfter) });
    if (answer.ok) {
      const way = await answer.json();
      sessionStorage.setItem(begun, way.begun);
      location.assign(way.at);
      return;
    }
    why = await answer.text();
  } catch {
    // Said below.
  } finally {
    button.removeAttribute("aria-disabled");
  }
  line.textContent = why;
  announce(why);
}

async function signOut() {
  let told = false;
  const telling = call("DELETE", "/session");
  underway.add(telling);
  poll?.abort(); // else it hears first that the session is over
  try {
    told = (await telling).ok;
  } catch {
    // Said below: the page forgets its session in any case.
  }
  underway.delete(telling);
  shut(told ? "You are signed out." : "This page has forgotten its session, but the bridge could not be told; there it ends by itself.");
}

// shut shows that nobody is signed in, and why.
function shut(why) {
  session = "";
  etag = "";
  poll?.abort();
  sessionStorage.removeItem(stored);
  notice("");
  own.hidden = true;
  clockLine.hidden = true;
  light.hidden = true;
  light.dataset.state = "idle";
  whose.textContent = "Inbox";
  document.title = "Inbox - authbridge";
  const gate = document.getElementById("signed-out").content.cloneNode(true);
  gate.querySelector("[data-why]").textContent = why;
  main.replaceChildren(gate);
  document.getElementById("gate-title").focus();
  announce(why);
}

// --- Talking to the server

function call(method, path, signal, typed) {
  const lost = AbortSignal.timeout(lostAfter);
  const headers = { Authorization: `Bearer ${session}` };
  if (typed) {
    headers["Content-Type"] = "application/json";
  }
  return fetch(path, {
    method,
    headers,
    body: typed && JSON.stringify(typed),
    cache: "no-store",
    signal: signal ? AbortSignal.any([signal, lost]) : lost,
  });
}

// follow keeps the page as the server has it. A click goes first: the waiting
// call is given up for it, so an older answer never comes after a newer one.
async function follow(mine) {
  let pause = 0;
  while (session === mine) {
    if (underway.size > 0) {
      await Promise.allSettled(underway);
      continue;
    }
    const waiting = new AbortController();
    poll = waiting;
    try {
      // After a fault the first answer comes at once: it says that all is well.
      const wait = etag === "" || pause > 0 ? 0 : waitSeconds;
      const answer = await call("GET", `/inbox?after=${encodeURIComponent(etag)}&wait=${wait}`, waiting.signal);
      const text = await answer.text();
      if (waiting.signal.aborted) {
        continue;
      }
      if (answer.status === 401) {
        shut(text);
        return;
      }
      setClock(answer.headers.get("Date"));
      if (answer.status === 200) {
        show(text);
        etag = answer.headers.get("ETag");
      } else if (answer.status !== 304) {
        notice(text); // such as a store that is away
        throw new Error(text);
      }
      pause = 0;
      connected(true);
    } catch {
      if (waiting.signal.aborted) {
        continue;
      }
      connected(false);
      pause = Math.min(longestPause, pause * 2 + 500);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

// connected shows whether the page is as the server has it.
function connected(yes) {
  const state = yes ? "live" : "lost";
  light.hidden = false;
  if (light.dataset.state === state) {
    return;
  }
  if (yes && light.dataset.state === "lost") {
    announce("Live again.");
    notice("");
  }
  if (!yes && noticeLine.hidden) {
    notice("The bridge does not answer. What you see may be out of date; this page goes on by itself when the bridge is back.");
  }
  light.dataset.state = state;
  light.textContent = yes ? "Live" : "Not live, trying again";
}

// --- Showing what the server wrote

function parse(html) {
  return new DOMParser().parseFromString(markup.createHTML(html), "text/html");
}

function show(html) {
  const fresh = parse(html);
  const waiting = fresh.getElementById("waiting");
  const { human, count } = waiting.dataset;
  whose.textContent = `Inbox of ${human}`;
  const sessions = fresh.getElementById("sessions").dataset.count;
  toSessions.textContent = sessions === "1" ? "Sessions" : `Sessions (${sessions})`;
  document.title = `${count === "0" ? "" : `(${count}) `}Inbox of ${human} - authbridge`;
  if (document.getElementById("waiting") === null) {
    main.replaceChildren(...fresh.body.childNodes);
    tick();
    announce(waitingWords(Number(count)));
  } else {
    const focused = focusedThing();
    const known = new Map([...main.querySelectorAll(".card")].map((card) => [where(card), card]));
    rearrange(() => {
      const news = sections.flatMap((id) => merge(id, fresh, known));
      tick(); // first: it changes how long the lines are
      refocus(focused);
      announce(news.join(" "));
    });
  }
}

function waitingWords(n) {
  return n === 0 ? "Nothing is waiting for you." : n === 1 ? "1 request is waiting for you." : `${n} requests are waiting for you.`;
}

// merge makes a section like its fresh form and returns what to say about it.
// A card that is as it was stays the same element, so a selection in it stays.
function merge(id, fresh, known) {
  const section = document.getElementById(id);
  const wanted = fresh.getElementById(id);
  const news = mergeCards(section.querySelector(".cards"), [...wanted.querySelectorAll(".card")], known);
  section.dataset.count = wanted.dataset.count ?? "";
  section.querySelector(".empty")?.remove();
  const empty = wanted.querySelector(".empty");
  if (empty) {
    section.append(empty);
  }
  return news;
}

function mergeCards(list, wanted, known) {
  const news = [];
  const staying = wanted.map((card) => {
    const old = known.get(where(card));
    if (old?.dataset.version === card.dataset.version) {
      return old;
    }
    news.push(card.dataset.spoken);
    keepTyped(old, card);
    return card;
  });
  for (const old of [...list.children]) {
    if (!staying.includes(old)) {
      old.remove();
    }
  }
  staying.forEach((card, i) => {
    if (list.children[i] !== card) {
      list.insertBefore(card, list.children[i] ?? null);
    }
  });
  return news;
}

// keepTyped carries over what somebody is typing into a card that changes under
// their hands.
function keepTyped(old, card) {
  const from = old?.querySelector("input");
  const to = card.querySelector("input");
  if (from && to) {
    to.value = from.value;
  }
}

// where is the path of what a card is about. It tells cards apart, and their
// buttons are below it.
function where(card) {
  return card.dataset.at ?? `/requests/${encodeURIComponent(card.dataset.request)}`;
}

function cardAt(path) {
  return [...main.querySelectorAll(".card")].find((card) => where(card) === path);
}

// focusedThing remembers what in a card has the focus; refocus gives it back
// to the same thing in the card as it is now, else to the card's heading.
function focusedThing() {
  const card = document.activeElement?.closest(".card");
  return card && { at: where(card), tag: document.activeElement.tagName, text: document.activeElement.textContent };
}

function refocus(was) {
  if (!was || document.activeElement !== document.body) {
    return;
  }
  const card = cardAt(was.at);
  const same = card && [...card.querySelectorAll("button, a, input")].find((e) => e.tagName === was.tag && e.textContent === was.text);
  (same ?? card?.querySelector("h3") ?? document.getElementById("waiting-title")).focus({ preventScroll: true });
  if (same) {
    bringIn(same);
  } else if (card) {
    reveal(card);
  }
}

// reveal brings into the window what a card is about now: the code, where the
// whole card is too long. A card that has gone to the earlier ones pulls
// nobody along.
function reveal(card) {
  const now = card.querySelector(".steps, .question, .progress, .note");
  bringIn(card.querySelector("a.open"));
  bringIn(now ?? card.querySelector("#waiting h3"));
}

function bringIn(element) {
  element?.scrollIntoView({ block: "nearest" });
}

// rearrange changes the page. A button that now lies where something else to be
// pressed lay does not count for a moment: the second of two taps must not press
// what has slid under it, be it in two steps. One that came where nothing was to
// be pressed counts at once.
function rearrange(change) {
  const before = places("button, a.open");
  change();
  const now = performance.now();
  lately = lately.filter((old) => old.until > now);
  lately.push(...before.map((old) => ({ ...old, until: now + settleTime })));
  for (const here of places("button[data-verb]")) {
    const others = lately.filter((old) => old.what !== here.what && overlap(old.box, here.box));
    if (others.length > 0) {
      settled.set(here.element, others.at(-1).until);
    }
  }
}

function places(selector) {
  return [...main.querySelectorAll(`.card :is(${selector})`)].map((element) => ({
    element,
    what: `${where(element.closest(".card"))} ${element.textContent}`,
    box: element.getBoundingClientRect(),
  }));
}

function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

// --- Clicks

main.addEventListener("click", (event) => {
  const link = event.target.closest("a.open");
  if (link) { // the bridge then asks the provider before it asks for others
    call("POST", `${where(link.closest(".card"))}/opened`).catch(() => {}); // only a hint: the link works without it
    return;
  }
  const button = event.target.closest("button");
  if (!button || button.getAttribute("aria-disabled") === "true") {
    return;
  }
  if (button.id === "sign-in") {
    leave(button);
  } else if (button.dataset.verb) {
    const card = button.closest(".card");
    if (event.detail > 0 && performance.now() < settled.get(button)) { // detail 0: the keyboard, which aims at what has the focus
      remarkOn(where(card), "The card has just changed: press again.");
      return;
    }
    if (!button.form?.contains(document.activeElement)) { // who has typed and pressed Enter stays where they are
      button.focus({ preventScroll: true }); // not every browser does it on a tap
    }
    const typed = button.form && Object.fromEntries(new FormData(button.form));
    const work = press(card, button, typed);
    underway.add(work);
    work.finally(() => underway.delete(work));
    poll?.abort();
  } else if (button.hasAttribute("data-copy")) {
    copy(button);
  }
});

// A form has nowhere to go: the click on its button does all.
main.addEventListener("submit", (event) => event.preventDefault());

async function press(card, button, typed) {
  const at = where(card);
  busy(card, true);
  remarkOn(at, ""); // what it says is about an earlier click
  try {
    const answer = await call("POST", `${at}/${button.dataset.verb}`, undefined, typed);
    if (answer.status === 401) {
      shut(await answer.text());
    } else if (answer.ok) {
      const { remark, card: html } = await answer.json();
      if (html) { // else the button was on no request's card, and the list changes by itself
        replace(card, parse(html).querySelector(".card"));
      }
      remarkOn(at, remark);
    } else {
      remarkOn(at, await answer.text());
    }
  } catch {
    remarkOn(at, "The bridge did not answer. Try again.");
  } finally {
    const now = cardAt(at);
    if (now) {
      busy(now, false);
    }
  }
}

// busy keeps a card's buttons from being pressed again. They stay focusable:
// who pressed with the keyboard must not lose their place.
function busy(card, yes) {
  for (const button of card.querySelectorAll("button[data-verb]")) {
    if (yes) {
      button.setAttribute("aria-disabled", "true");
    } else {
      button.removeAttribute("aria-disabled");
    }
  }
}

function replace(old, card) {
  if (!old.isConnected || old.dataset.version === card.dataset.version) {
    return;
  }
  const focused = focusedThing();
  rearrange(() => {
    old.replaceWith(card);
    tick();
    refocus(focused);
  });
  announce(card.dataset.spoken);
}

// remarkOn puts a word about a click into the card and reads it out.
function remarkOn(at, text) {
  const line = cardAt(at)?.querySelector("[data-remark]");
  if (line) {
    rearrange(() => {
      line.textContent = text;
      bringIn(line);
    });
    announce(text);
  } else {
    notice(text);
  }
}

async function copy(button) {
  const card = button.closest(".card");
  try {
    await navigator.clipboard.writeText(card.querySelector("[data-code]").textContent);
    remarkOn(where(card), "Code copied.");
  } catch {
    remarkOn(where(card), "The browser did not let the code be copied. Select it instead.");
  }
}

// --- Words

let unsaid = [];

// announce reads out what changed. What comes within a moment is read as one.
function announce(text) {
  if (!text) {
    return;
  }
  if (unsaid.push(text.trim()) === 1) {
    setTimeout(() => {
      announcer.textContent = unsaid.join(" ");
      unsaid = [];
    }, 100);
  }
}

// notice puts a word about the whole page at its top, and reads it out; ""
// takes it away.
function notice(text) {
  if (text !== noticeLine.textContent) {
    announce(text);
  }
  rearrange(() => {
    noticeLine.textContent = text;
    noticeLine.hidden = text === "";
  });
}

// --- Times: the server writes them in UTC, the reader has a clock and a zone

// setClock takes the time from the bridge, whose deadlines these are: many a
// device has another.
function setClock(date) {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) {
    return;
  }
  const differs = theirs - Date.now();
  if (Math.abs(differs - behind) > 1500) { // else it is the way here, and the part of a second
    behind = differs;
    tick();
  }
  const worthAWord = Math.abs(behind) > clocksDiffer;
  clockLine.hidden = !worthAWord;
  clockLine.textContent = worthAWord ? `The clock of this device is ${duration(Math.abs(behind))} ${behind > 0 ? "slow" : "fast"}. Times here go by the bridge's clock.` : "";
}

function now() {
  return Date.now() + behind;
}

function tick() {
  for (const element of main.querySelectorAll("time")) {
    const at = new Date(element.dateTime);
    const text = localTime(at) + ("left" in element.dataset ? `, ${left(at)}` : "");
    if (element.textContent !== text) {
      element.textContent = text;
    }
  }
}

function localTime(at) {
  const clock = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date(now()).setHours(0, 0, 0, 0)) / 86_400_000);
  const names = { "-1": "yesterday", 0: "today", 1: "tomorrow" };
  const day = names[days] ?? `on ${at.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" })}`;
  return `${day} at ${clock}`;
}

function left(at) {
  const ms = at - now();
  return ms < 1000 ? "now" : `in ${duration(ms)}`;
}

function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 60) {
    return `${seconds} s`;
  }
  if (hours >= 48) {
    return `${Math.floor(hours / 24)} days`;
  }
  return hours === 0 ? `${minutes} min` : `${hours} h ${minutes % 60} min`;
}

setInterval(tick, 1000);
signOutButton.addEventListener("click", signOut);
toSessions.addEventListener("click", () => document.getElementById("sessions-title")?.focus());
addEventListener("hashchange", () => {
  if (location.hash !== "") {
    enter(); // a link was opened in this very tab
  }
});
enter();
