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
  let at = -1;
  const mark = (index) => {
    const all = rows();
    if (!all.length) return;
    at = Math.max(0, Math.min(index, all.length - 1));
    all.forEach((row, i) => row.classList.toggle("here", i === at));
    const link = $("a", all[at]);
    if (link) link.focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("tr[data-href]");
    if (!row || event.target.closest("a, button, summary, form, details") || String(getSelection())) return;
    if (event.metaKey || event.ctrlKey) window.open(row.dataset.href); else location.assign(row.dataset.href);
  });

  // ---- choosing rows: x, Shift-x for a range, a for the page
  const boxes = () => $$("main input[name=id]");
  let from = -1;
  const choose = (range) => {
    const all = boxes();
    if (at < 0 || !all[at]) return;
    const to = !all[at].checked;
    if (range && from >= 0) all.slice(Math.min(from, at), Math.max(from, at) + 1).forEach((box) => { box.checked = true; });
    else all[at].checked = to;
    from = at;
    tellChosen();
  };
  const tellChosen = () => say(t("{n} chosen", { n: boxes().filter((box) => box.checked).length }));
  document.addEventListener("click", (event) => {
    if (!event.target.matches?.("main input[name=id]")) return;
    const all = boxes(), here = all.indexOf(event.target);
    if (event.shiftKey && from >= 0) all.slice(Math.min(from, here), Math.max(from, here) + 1).forEach((box) => { box.checked = event.target.checked; });
    from = here;
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
    const rows = [["/", t("search")], ["Ctrl K", t("palette: pages, views, actions, ids")], ["j k", t("next and previous row")], ["Enter", t("open the row")], ["x, Shift x, a", t("choose a row, a range, the page")], ["e", t("edit a job")], ["r c d", t("to a job's buttons; Enter presses")], ["g o j d e q b w s m i a", t("overview, jobs, dead, errors, queues, bulk, workers, schedules, mails, invoices, audit")], ["Esc", t("close")]];
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

  // ---- renew: fetches the page again, keeps place and focus; waits while hidden, while a form is in use, while text is selected
  const EVERY = 5000;
  let timer = 0;
  const liveOn = () => kept.get("live") === "on";
  const busy = () => document.hidden || $("details.pop[open]") || String(getSelection()) || document.activeElement?.closest("main form");
  // New rows never push a list under the pointer or away from a selection: a pill tells how many there are.
  const held = () => $("main tbody:hover") || boxes().some((box) => box.checked);
  const pill = (fresh) => {
    const known = new Set(rows().map((row) => row.dataset.href));
    const n = $$("main tr[data-href]", fresh).filter((row) => !known.has(row.dataset.href)).length;
    let button = $("#new");
    if (!n) { button?.remove(); return; }
    if (!button) {
      button = element("button", "", { id: "new", type: "button", className: "small pill", onclick: () => location.reload() });
      $("main table")?.closest(".card")?.before(button);
    }
    const told = t("{n} new", { n });
    if (button.textContent !== told) { button.textContent = told; say(t("{n} new rows", { n })); }
  };
  const renew = async () => {
    if (busy()) return;
    try {
      const answer = await fetch(location.href, { headers: { "x-renew": "1" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (busy()) return;
      if (held()) { pill(fresh); tellLive("on"); return; }
      const focused = document.activeElement?.getAttribute?.("href");
      for (const part of ["main", "#alarms", "#clock", ".nav"]) {
        const [old, next] = [$(part), $(part, fresh)];
        if (old && next && old.innerHTML !== next.innerHTML) old.innerHTML = next.innerHTML;
      }
      reveal($("main"));
      document.dispatchEvent(new Event("renewed"));
      if (at >= 0) rows()[at]?.classList.add("here");
      if (focused) $(`main a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
      tellLive("on");
    } catch { tellLive("lost"); }
  };
  const tellLive = (state) => {
    const button = $("[data-live]");
    if (!button) return;
    button.setAttribute("aria-pressed", String(state !== "off"));
    const lost = state === "lost", on = state === "on";
    $(".word", button).textContent = t(lost ? "Retrying" : "Live");
    button.title = t(lost ? "The last renewal failed; trying again" : on ? "Renews every 5 s; click to stop" : "Click to renew every 5 s");
  };
  const arm = () => { clearInterval(timer); if ($("[data-live]") && liveOn()) timer = setInterval(renew, EVERY); tellLive(liveOn() ? "on" : "off"); };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && $("[data-live]") && liveOn()) renew(); });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-live]")) { kept.set("live", liveOn() ? "off" : "on"); arm(); say(t(liveOn() ? "Renews every 5 seconds." : "Stopped.")); if (liveOn()) renew(); }
    if (event.target.closest("[data-keys]")) { kept.set("keys", keysOn() ? "off" : "on"); tellKeys(); }
  });

  // ---- the clock: times as they are in UTC, or in the zone of this browser
  const local = () => kept.get("zone") === "local";
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const said = (at, style) => new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : "fr", { timeZone: here, ...style }).format(at);
  const DAY = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  const SECOND = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" };
  const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" };
  // How a text is said in the other zone; none: it is relative and stays.
  const style = (time) => time.closest("#clock") ? SECOND : /^\d\d:\d\d:\d\d/.test(time.dataset.text) ? CLOCK : !time.dataset.title || time.dataset.text === time.dataset.title ? DAY : null;
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
  arm();
})();
