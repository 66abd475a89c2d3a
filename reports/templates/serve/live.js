"use strict";
// The table of an assignment, renewed while a cohort is graded. Without this script there is a link to look again.
(() => {
  const live = document.getElementById("live");
  if (!live) return;
  const renew = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!fresh) return;
    const at = live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    live.dataset.stamp = fresh.dataset.stamp;
    live.replaceChildren(...fresh.childNodes);
    if (at) live.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
  };
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(`${live.dataset.from}?since=${encodeURIComponent(live.dataset.stamp)}`);
        if (answer.status === 200) renew(await answer.text());
      } catch {
        // The server has ended or is busy: what is shown stays.
      }
    }
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
})();
