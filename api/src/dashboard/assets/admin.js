// The dashboard's one script. Everything works without it; it adds keys, copying, row clicks and a page that renews itself.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const kept = {
    get: (name) => { try { return localStorage.getItem("facteur." + name); } catch { return null; } },
    set: (name, value) => { try { localStorage.setItem("facteur." + name, value); } catch { /* private window */ } },
  };
  // The page brings the script's words where they are not English.
  const words = JSON.parse($("#said")?.dataset.words || "{}");
  const t = (english, values = {}) => (words[english] ?? english).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const say = (text) => { const live = $("#said"); if (live) live.textContent = text; };

  // What only makes sense with a script appears with it.
  const reveal = (root = document) => $$("[data-script]", root).forEach((element) => { element.hidden = false; });

  // ---- rows: j, k, Enter; a click anywhere in a row opens it
  const rows = () => $$("main tr[data-href]");
  // The row the keys stand on, and where it is now: renewals move rows.
  let at = -1, current = "";
  const mark = (index) => {
    const all = rows();
    if (!all.length) return;
    at = Math.max(0, Math.min(index, all.length - 1));
    current = all[at].dataset.href;
    all.forEach((row, i) => row.classList.toggle("here", i === at));
    const link = $("a", all[at]);
    if (link) link.focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("tr[data-href]");
    if (!row || event.target.closest("a, button, .pick, summary, form, details") || String(getSelection())) return;
    if (event.metaKey || event.ctrlKey) window.open(row.dataset.href); else location.assign(row.dataset.href);
  });

  // ---- choosing rows: x, Shift-x for a range, a for the page
  const boxes = () => $$("main input[name=id]");
  let from = null;
  const choose = (range) => {
    const all = boxes();
    if (at < 0 || !all[at]) return;
    const to = !all[at].checked;
    const begun = all.indexOf(from);
    if (range && begun >= 0) all.slice(Math.min(begun, at), Math.max(begun, at) + 1).forEach((box) => { box.checked = true; });
    else all[at].checked = to;
    from = all[at];
    tellChosen();
  };
  const tellChosen = () => say(t("{n} chosen", { n: boxes().filter((box) => box.checked).length }));
  document.addEventListener("click", (event) => {
    if (!event.target.matches?.("main input[name=id]")) return;
    const all = boxes(), here = all.indexOf(event.target), begun = all.indexOf(from);
    if (event.shiftKey && begun >= 0) all.slice(Math.min(begun, here), Math.max(begun, here) + 1).forEach((box) => { box.checked = event.target.checked; });
    from = event.target;
    tellChosen();
  });

  // ---- pages by g and a letter, the palette, the help
  let first = "";
  const LETTERS = { o: "/admin", j: "/admin/jobs", d: "/admin/jobs?state=dead", e: "/admin/errors", q: "/admin/queues", b: "/admin/bulk", w: "/admin/workers", s: "/admin/schedules", m: "/admin/emails", i: "/admin/invoices", a: "/admin/audit" };
  const pages = () => LETTERS;
  const dialog = (title, body) => {
    const box = document.createElement("dialog");
    box.className = "palette";
    box.setAttribute("aria-label", title);
    box.append(...body);
    box.addEventListener("close", () => box.remove());
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    document.body.append(box);
    box.showModal();
    return box;
  };
  const element = (name, text, more = {}) => Object.assign(document.createElement(name), { textContent: text }, more);
  const palette = () => {
    if ($("dialog[open]")) return;
    const input = element("input", "", { type: "search", placeholder: t("Page, view, action, id or filter"), autocomplete: "off" });
    input.setAttribute("aria-label", t("Page, view, action, id or filter"));
    const list = element("ul", "");
    const box = dialog(t("Go to"), [input, list]);
    const found = [...$$(".nav a"), ...$$(".menu li a"), ...$$("main .head a.button, main .head button")]
      .filter((target) => !target.disabled && !target.matches(".bare")).map((target) => ({ words: target.textContent.trim().replace(/\s+/g, " "), target }));
    const fill = () => {
      const wanted = input.value.trim().toLowerCase();
      const rows = found.filter(({ words }) => words.toLowerCase().includes(wanted)).slice(0, 12);
      const id = /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(wanted);
      const items = rows.map(({ words, target }) => ({ words, go: () => target.click() }));
      if (wanted) items.push({ words: t(id ? "Open job {text}" : "Filter jobs by {text}", { text: input.value.trim() }), go: () => location.assign(id ? "/admin/jobs/" + wanted : "/admin/jobs?filter=" + encodeURIComponent(input.value.trim())) });
      list.replaceChildren(...items.map(({ words, go }) => { const li = element("li", ""); const button = element("button", words, { type: "button", onclick: () => { box.close(); go(); } }); li.append(button); return li; }));
    };
    input.addEventListener("input", fill);
    box.addEventListener("keydown", (event) => {
      const all = $$("button", list), here = all.indexOf(document.activeElement);
      if (event.key === "ArrowDown") { event.preventDefault(); all[Math.min(here + 1, all.length - 1)]?.focus(); }
      else if (event.key === "ArrowUp") { event.preventDefault(); if (here <= 0) input.focus(); else all[here - 1].focus(); }
      else if (event.key === "Enter" && document.activeElement === input) { event.preventDefault(); all[0]?.click(); }
    });
    fill();
    input.focus();
  };
  const help = () => {
    const rows = [["/", t("search")], ["Ctrl K", t("palette: pages, views, actions, ids")], ["j k", t("next and previous row")], ["Enter", t("open the row")], ["x, Shift x, a", t("choose a row, a range, the page")], ["e", t("edit a job")], ["r c d", t("to a job's buttons, or to those for what is chosen; Enter presses")], ["g o j d e q b w s m i a", t("overview, jobs, dead, errors, queues, bulk, workers, schedules, mails, invoices, audit")], ["Esc", t("close")]];
    const list = element("dl", "");
    rows.forEach(([keys, words]) => list.append(element("dt", keys), element("dd", words)));
    dialog(t("Keyboard shortcuts"), [element("h2", t("Keyboard shortcuts")), list, element("button", t("Close"), { type: "button", onclick: (event) => event.target.closest("dialog").close() })]);
  };

  // ---- the filter's last word is completed
  const filter = $("#filter");
  if (filter) {
    const options = $$("#terms option");
    const base = filter.value ? filter.value + " " : "";
    const terms = options.map((option) => option.value.startsWith(base) ? option.value.slice(base.length) : option.value);
    filter.addEventListener("input", () => {
      const before = filter.value.slice(0, filter.value.lastIndexOf(" ") + 1);
      options.forEach((option, i) => { option.value = before + terms[i]; });
    });
  }

  // ---- keys; off inside fields, and off altogether when the reader says so (WCAG 2.1.4)
  const keysOn = () => kept.get("keys") !== "off";
  const tellKeys = () => { const button = $("[data-keys]"); if (button) button.textContent = t(keysOn() ? "Keyboard shortcuts: on" : "Keyboard shortcuts: off"); };
  document.addEventListener("keydown", (event) => {
    const open = $("details.pop[open]");
    if (event.key === "Escape" && open) { open.open = false; $("summary", open).focus(); return; }
    if (event.key === "Escape" && document.activeElement === $("#q")) { $("#q").blur(); return; }
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") { event.preventDefault(); palette(); return; }
    if (!keysOn() || event.metaKey || event.ctrlKey || event.altKey) return;
    if ($("dialog[open]") || event.target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]")) return;
    const then = first; first = "";
    if (then === "g") { const page = pages()[event.key]; if (page) location.assign(page); return; }
    if (event.key === "g") { first = "g"; setTimeout(() => { first = ""; }, 1500); }
    else if (event.key === "?") help();
    else if (event.key === "x" || event.key === "X") choose(event.key === "X" || event.shiftKey);
    else if (event.key === "a") boxes().forEach((box, i, all) => { box.checked = true; if (i === all.length - 1) tellChosen(); });
    else if ("ercdp".includes(event.key) && $(`[data-key="${event.key}"]`)) { const button = $(`[data-key="${event.key}"]`); if (button.matches("a")) button.click(); else button.focus(); }
    else if (event.key === "/") { event.preventDefault(); $("#q")?.focus(); $("#q")?.select(); }
    else if (event.key === "j") mark(at + 1);
    else if (event.key === "k") mark(at - 1);
    else if (event.key === "Enter" && at >= 0 && document.activeElement === document.body) rows()[at]?.querySelector("a")?.click();
  });

  // ---- one open pop-up at a time
  document.addEventListener("click", (event) => {
    $$("details.pop[open]").forEach((pop) => { if (!pop.contains(event.target)) pop.open = false; });
  });

  // ---- copy an id
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try { await navigator.clipboard.writeText(button.dataset.copy); say(t("Copied.")); button.title = t("Copied"); } catch { say(t("The browser refused to copy.")); }
  });

  // ---- live: a stream says that something has changed, then the page is fetched again and what differs is replaced in
  // place. Waits while hidden, while a form is in use, while text is selected. Without a stream it asks every five seconds.
  const POLL = 5000, SILENT = 25000, AGAIN = 30000;
  // `contact`: the page was known to be right; `heard`: the stream said something. Either may be lost alone.
  let source = null, poll = 0, later = 0, contact = Date.now(), heard = contact, cut = false, failed = false, renewing = false, waiting = "", ended = "";
  const button = () => $("[data-live]");
  const liveOn = () => kept.get("live") !== "off";
  const busy = () => document.hidden || $("details.pop[open]") || $("dialog[open]") || String(getSelection()) || document.activeElement?.closest("main form");
  // New rows never push a list under the pointer or away from a selection: a pill tells how many there are.
  const held = () => $("main tbody:hover") || boxes().some((box) => box.checked);
  const pill = (fresh) => {
    const known = new Set(rows().map((row) => row.dataset.href));
    const n = $$("main tr[data-href]", fresh).filter((row) => !known.has(row.dataset.href)).length;
    let found = $("#new");
    if (!n) { found?.remove(); return; }
    if (!found) {
      found = element("button", "", { id: "new", type: "button", className: "small pill", onclick: () => location.reload() });
      $("main table")?.closest(".card")?.before(found);
    }
    const told = t("{n} new", { n });
    if (found.textContent !== told) { found.textContent = told; say(t("{n} new rows", { n })); }
  };
  const key = (node) => node.dataset?.href || node.id || "";
  // What the reader has opened, and what the script has shown, is no difference.
  const theirs = (node, name) => name === "open" || (name === "hidden" && node.hasAttribute("data-script"));
  const morph = (old, next) => {
    if (old.isEqualNode(next)) return;
    if (old.nodeType !== 1 || old.nodeName !== next.nodeName || key(old) !== key(next)) { old.replaceWith(next); return; }
    for (const { name } of [...old.attributes]) if (!next.hasAttribute(name) && !theirs(old, name)) old.removeAttribute(name);
    for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value && !theirs(old, name)) old.setAttribute(name, value);
    const keyed = new Map([...old.children].filter(key).map((child) => [key(child), child]));
    let here = old.firstChild;
    for (const child of [...next.childNodes]) {
      const same = key(child) ? keyed.get(key(child)) : here && !key(here) && here.nodeName === child.nodeName ? here : null;
      if (!same) { old.insertBefore(child, here); continue; }
      if (same === here) here = here.nextSibling; else old.insertBefore(same, here);
      morph(same, child);
    }
    while (here) { const gone = here; here = here.nextSibling; gone.remove(); }
  };
  const put = (fresh) => {
    const flash = $("main > .flash");
    if (flash) $("main", fresh).prepend(flash.cloneNode(true));
    for (const part of ["#alarms", "#clock", ".nav"]) if ($(part) && $(part, fresh)) morph($(part), $(part, fresh));
    if (held()) {
      for (const row of rows()) { const next = $(`main tr[data-href="${CSS.escape(row.dataset.href)}"]`, fresh); if (next) morph(row, next); }
      pill(fresh);
    } else {
      morph($("main"), $("main", fresh));
      reveal($("main"));
    }
    at = rows().findIndex((row) => row.dataset.href === current);
    rows()[at]?.classList.add("here");
    document.dispatchEvent(new Event("renewed"));
  };
  const renew = async (news) => {
    if (busy() || !liveOn() || ended) return;
    if (renewing) { waiting = news; return; }
    renewing = true;
    try {
      const answer = await fetch(location.href, { headers: { "x-renew": news }, credentials: "same-origin" });
      const html = await answer.text();
      // Somebody may have paused it meanwhile.
      if (!liveOn()) return;
      if (answer.redirected) { stop(); tellLive("out"); return; }
      // The answer to a form has no address of its own, and what a page told of may be no more: neither is a failure.
      if (answer.status === 404 || answer.status === 405) { end(answer.status === 404 ? "gone" : "still"); return; }
      if (!answer.ok) throw new Error(answer.status);
      const fresh = new DOMParser().parseFromString(html, "text/html");
      if (!busy()) put(fresh);
      reached();
    } catch { failed = true; } finally {
      renewing = false;
      if (waiting) { const next = waiting; waiting = ""; renew(next); }
    }
  };
  const calm = () => { $("#stale")?.remove(); if (liveOn()) tellLive("on"); };
  const reached = () => { contact = Date.now(); failed = false; if (poll) cut = false; if (!cut) calm(); };
  const end = (how) => { ended = how; stop(); $("#stale")?.remove(); tellLive(how); };
  const tellLive = (state) => {
    const found = button();
    if (!found) return;
    found.setAttribute("aria-pressed", String(state === "on" || state === "lost"));
    $(".word", found).textContent = t({ on: "Live", lost: "Retrying", off: "Paused", out: "Signed out", still: "Still", gone: "Gone" }[state]);
    found.title = t({ on: "Renews when something changes; click to pause", lost: "The last renewal failed; trying again", off: "Click to renew when something changes", out: "The session has ended; what is shown stays as it was", still: "This page does not renew itself", gone: "There is no such page any more; what is shown stays as it was" }[state]);
  };
  const stop = () => { source?.close(); source = null; clearInterval(poll); clearTimeout(later); poll = 0; };
  const ask = () => { if (!poll) poll = setInterval(() => renew("poll"), POLL); };
  const listen = () => {
    stop();
    const address = button()?.dataset.events;
    if (!button() || !liveOn() || ended || document.hidden) return;
    heard = Date.now();
    if (!address || !window.EventSource) { ask(); return; }
    source = new EventSource(address);
    for (const name of ["hello", "beat", "news"]) {
      source.addEventListener(name, (event) => {
        clearInterval(poll);
        poll = 0;
        heard = Date.now();
        if (cut) { cut = false; if (!failed) calm(); }
        if (name === "hello") reached(); else renew(event.lastEventId + "." + JSON.parse(event.data).tick);
      });
    }
    source.onerror = () => {
      cut = true;
      // The browser tries again by itself, unless it was refused.
      if (source?.readyState === EventSource.CLOSED) { stop(); ask(); later = setTimeout(listen, AGAIN); }
    };
  };
  // Lost: what is shown stays, with its age.
  setInterval(() => {
    const age = Date.now() - contact;
    if (!button() || !liveOn() || ended || document.hidden) return;
    if (source && Date.now() - heard > SILENT) { cut = true; listen(); }
    if (!(cut || failed) || age < 4000 || !(source || poll)) return;
    let note = $("#stale");
    if (!note) { note = element("p", "", { id: "stale", className: "notice" }); $("main").before(note); say(t("Live updates lost, retrying.")); tellLive("lost"); }
    note.textContent = t("Live updates lost {n} s ago, retrying. Shown is what was known then.", { n: Math.round(age / 1000) });
  }, 1000);
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else if (button() && liveOn()) { contact = Date.now(); renew("back"); listen(); } });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => { if (event.persisted && button() && liveOn()) { renew("back"); listen(); } });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-live]") && !ended) {
      kept.set("live", liveOn() ? "off" : "on");
      tellLive(liveOn() ? "on" : "off");
      say(t(liveOn() ? "Renews when something changes." : "Paused."));
      if (liveOn()) renew("on");
      listen();
    }
    if (event.target.closest("[data-keys]")) { kept.set("keys", keysOn() ? "off" : "on"); tellKeys(); }
  });

  // ---- the clock: times as they are in UTC, or in the zone of this browser
  const local = () => kept.get("zone") === "local";
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const said = (at, style) => new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : "fr", { timeZone: here, ...style }).format(at);
  const DAY = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  const SECOND = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" };
  const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" };
  const MOMENT = { day: "numeric", month: "short", ...CLOCK };
  // How a text is said in the other zone; none: it is relative and stays.
  const style = (time) => time.closest("#clock") ? SECOND : /^\d\d:\d\d:\d\d/.test(time.dataset.text) ? CLOCK : /\d\d:\d\d:\d\d\.\d{3}$/.test(time.dataset.text) ? MOMENT : !time.dataset.title || time.dataset.text === time.dataset.title ? DAY : null;
  const tellTimes = () => {
    for (const time of $$("time[datetime]")) {
      time.dataset.title ??= time.title;
      time.dataset.text ??= time.textContent;
      const at = new Date(time.dateTime);
      if (style(time)) time.textContent = local() ? said(at, style(time)) : time.dataset.text;
      if (time.dataset.title) time.title = local() ? said(at, DAY) : time.dataset.title;
    }
    for (const button of $$("[data-zone]")) {
      if (here === "UTC") (button.closest(".field") ?? button).hidden = true;
      button.textContent = local() ? here.split("/").pop().replaceAll("_", " ") : "UTC";
      button.title = t(local() ? "Times are those of {zone}; click for UTC" : "Times are UTC; click for {zone}", { zone: here });
    }
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-zone]")) { kept.set("zone", local() ? "utc" : "local"); tellTimes(); say($("[data-zone]").title); }
  });
  document.addEventListener("renewed", tellTimes);

  // On a phone the navigation is a strip: show where one is.
  $(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  reveal();
  tellKeys();
  tellTimes();
  tellLive(liveOn() ? "on" : "off");
  listen();
})();
