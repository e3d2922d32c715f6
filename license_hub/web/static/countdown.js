// Counts the seconds a shown code is left. Without it the page says how many there were, and the server's Refresh header ends it.
"use strict";
const left = document.querySelector("[data-until]");
const started = performance.now();
const seconds = Number(left.textContent);
// Counted from when the page came, not by the phone's clock, which may be wrong.
const timer = setInterval(() => {
  const now = Math.max(0, Math.ceil(seconds - (performance.now() - started) / 1000));
  left.textContent = String(now);
  if (now === 0) clearInterval(timer);
}, 250);
