// Makes the pages smoother where scripts run. Every page works without it.
(() => {
  "use strict";

  // A form that books or pays is sent once; coming back to the page makes its button ready again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !("once" in form.dataset)) return;
    if (event.submitter?.name === "switch") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    (event.submitter ?? form.querySelector("button[type=submit]"))?.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-once]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
    // A page that came out of the browser's memory may show a stale order.
    const order = document.querySelector("[data-countdown]");
    if (order && performance.getEntriesByType("navigation")[0]?.type === "back_forward") location.reload();
  }, { once: true });

  // The search form: swapping needs no page, and the return is never before the departure.
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.swap");
    if (!button) return;
    event.preventDefault();
    const [from, to] = ["from", "to"].map((name) => button.form.elements.namedItem(name));
    [from.value, to.value] = [to.value, from.value];
  });
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (event.target.id !== "depart" || !form) return;
    const back = form.elements.namedItem("return");
    back.min = event.target.value;
    if (back.value && back.value < back.min) back.value = back.min;
  });

  // On a narrow screen the chosen day is in view.
  const day = document.querySelector(".days [aria-current]");
  if (day) {
    const row = day.closest(".days");
    row.scrollLeft += day.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - day.clientWidth) / 2;
  }

  // What is typed in the wrong field is easier to correct when the first mistake is in view.
  document.getElementById("mistakes")?.focus();

  // The time that is left, from the server's own figure; at its end the page is asked for again. The element may come
  // with a part of the page that was swapped in.
  const ends = new WeakMap();
  const two = (number) => String(number).padStart(2, "0");
  const tick = () => {
    const clock = document.querySelector("[data-countdown]");
    if (!clock) return;
    if (!ends.has(clock)) ends.set(clock, performance.now() + Number(clock.dataset.countdown) * 1000);
    const left = Math.max(0, Math.ceil((ends.get(clock) - performance.now()) / 1000));
    clock.querySelector(".countdown-figure").textContent = `${two(Math.floor(left / 60))}:${two(left % 60)}`;
    clock.classList.toggle("is-short", left <= 120);
    if (left === 0) {
      clearInterval(timer);
      setTimeout(() => location.reload(), 1500);
    }
  };
  const timer = setInterval(tick, 1000);
  tick();
})();
