// The dashboard's one script. Everything works without it; it adds keys, copying, row clicks and a page that renews itself.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const kept = {
    get: (name) => { try { return localStorage.getItem("facteur." + name); } catch { return null; } },
    set: (name, value) => { try { localStorage.setItem("facteur." + name, value); } catch { /* private window */ } },
  };
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

  // ---- keys; off inside fields, and off altogether when the reader says so (WCAG 2.1.4)
  const keysOn = () => kept.get("keys") !== "off";
  const tellKeys = () => { const button = $("[data-keys]"); if (button) button.textContent = "Keyboard shortcuts: " + (keysOn() ? "on" : "off"); };
  document.addEventListener("keydown", (event) => {
    const open = $("details.pop[open]");
    if (event.key === "Escape" && open) { open.open = false; $("summary", open).focus(); return; }
    if (event.key === "Escape" && document.activeElement === $("#q")) { $("#q").blur(); return; }
    if (!keysOn() || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
    if (event.key === "/") { event.preventDefault(); $("#q")?.focus(); $("#q")?.select(); }
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
    try { await navigator.clipboard.writeText(button.dataset.copy); say("Copied."); button.title = "Copied"; } catch { say("The browser refused to copy."); }
  });

  // ---- renew: fetches the page again, keeps place and focus; waits while hidden, while a form is in use, while text is selected
  const EVERY = 5000;
  let timer = 0;
  const liveOn = () => kept.get("live") === "on";
  const busy = () => document.hidden || $("details.pop[open]") || String(getSelection()) || document.activeElement?.closest("main form");
  const renew = async () => {
    if (busy()) return;
    try {
      const answer = await fetch(location.href, { headers: { "x-renew": "1" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (busy()) return;
      const focused = document.activeElement?.getAttribute?.("href");
      for (const part of ["main", "#alarms", "#clock", ".nav"]) {
        const [old, next] = [$(part), $(part, fresh)];
        if (old && next && old.innerHTML !== next.innerHTML) old.innerHTML = next.innerHTML;
      }
      reveal($("main"));
      if (at >= 0) rows()[at]?.classList.add("here");
      if (focused) $(`main a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
      tellLive("on");
    } catch { tellLive("lost"); }
  };
  const tellLive = (state) => {
    const button = $("[data-live]");
    if (!button) return;
    button.setAttribute("aria-pressed", String(state !== "off"));
    $(".word", button).textContent = state === "lost" ? "Retrying" : "Live";
    button.title = state === "lost" ? "The last renewal failed; trying again" : state === "on" ? "Renews every 5 s; click to stop" : "Click to renew every 5 s";
  };
  const arm = () => { clearInterval(timer); if ($("[data-live]") && liveOn()) timer = setInterval(renew, EVERY); tellLive(liveOn() ? "on" : "off"); };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && $("[data-live]") && liveOn()) renew(); });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-live]")) { kept.set("live", liveOn() ? "off" : "on"); arm(); say(liveOn() ? "Renews every 5 seconds." : "Stopped."); if (liveOn()) renew(); }
    if (event.target.closest("[data-keys]")) { kept.set("keys", keysOn() ? "off" : "on"); tellKeys(); }
  });

  // On a phone the navigation is a strip: show where one is.
  $(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  reveal();
  tellKeys();
  arm();
})();
