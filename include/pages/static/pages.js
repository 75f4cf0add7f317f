// Inside Airflow's frame a page may not leave it, so a link to Airflow is followed by a link of
// Airflow's own document. The theme that its reader chose there is taken over.
"use strict";

const airflow = window.parent === window ? null : window.parent.document;

function followTheme() {
  const theme = airflow.documentElement.classList.contains("dark") ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
}

function followLink(event) {
  const link = event.target.closest("a[data-airflow]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const twin = airflow.createElement("a");
  twin.href = link.href;
  airflow.body.append(twin);
  twin.click();
  twin.remove();
}

if (airflow) {
  followTheme();
  new MutationObserver(followTheme).observe(airflow.documentElement, {
    attributeFilter: ["class"],
  });
  document.addEventListener("click", followLink);
}
