// Follows Airflow's own light or dark theme, lets links to Airflow leave its frame, and wide tables
// be scrolled by keys.
"use strict";

function followTheme() {
  const chosen = window.localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  } else {
    delete document.documentElement.dataset.theme;
  }
}

// The frame may not move the page around it; that page itself may.
function leaveFrame(event) {
  const link = event.target.closest("a[data-airflow]");
  if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) {
    return;
  }
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  window.parent.document.body.append(outside);
  outside.click();
  outside.remove();
}

// What scrolls sideways on a narrow screen scrolls by the arrow keys, too.
function letKeysScroll() {
  for (const part of document.querySelectorAll("section, main > table")) {
    if (part.scrollWidth > part.clientWidth) {
      part.tabIndex = 0;
    } else {
      part.removeAttribute("tabindex");
    }
  }
}

followTheme();
window.addEventListener("storage", followTheme);
window.addEventListener("load", letKeysScroll);
window.addEventListener("resize", letKeysScroll);
document.addEventListener("click", leaveFrame);
