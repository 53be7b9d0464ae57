(() => {
  "use strict";
  const gone = document.getElementById("gone");
  const focused = () => document.activeElement && document.activeElement.getAttribute("href");
  const show = (page) => {
    for (const fresh of page.querySelectorAll("[data-live]")) {
      const old = document.getElementById(fresh.id);
      if (!old || old.outerHTML === fresh.outerHTML) continue;
      const href = old.contains(document.activeElement) && focused();
      const open = [...old.querySelectorAll("details[open]")].map((one) => one.id);
      old.replaceWith(fresh);
      for (const one of fresh.querySelectorAll("details")) one.open = open.includes(one.id);
      if (href) for (const link of fresh.querySelectorAll("a")) if (link.getAttribute("href") === href) link.focus();
    }
  };
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.pathname, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      gone.hidden = true;
    } catch {
      gone.hidden = false;
    }
  };
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
})();
