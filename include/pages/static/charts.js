// Draws a page's charts with Observable Plot from the figures in its markup. A bar with a link leads
// to its run: by a click, or by Tab to the chart, arrow keys to the bar, and Enter.
"use strict";

const HEIGHT = 180;
const LIBRARIES = ["d3-7.9.2.min.js", "plot-0.6.17.umd.min.js"];
const ARROWS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const HERE = document.currentScript.src.replace(/[^/]*$/, "");

function load(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    Object.assign(script, { src: HERE + name, async: false, onload: resolve, onerror: reject });
    document.head.append(script);
  });
}

function readDays(place) {
  const unit = place.dataset.unit;
  return JSON.parse(place.dataset.chart).map(({ day, value, link }) => ({
    day,
    value,
    link,
    told: value === null ? `${day}: no run` : `${day}: ${value.toLocaleString("en")} ${unit}`,
  }));
}

function shortDate(day) {
  return new Date(day).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

// The latest day has its name, and as many before it as there is room for.
function namedDays(days, width) {
  const step = Math.ceil((days.length * 64) / width);
  return days.filter((_, place) => (days.length - 1 - place) % step === 0).map(({ day }) => day);
}

// What a pointer or a finger meets is as high as the chart: a day of few points is a day, too.
function marks(days, top, width) {
  const whole = { x: "day", y1: 0, y2: top, inset: -0.5 };
  const missed = days.filter((day) => day.value === null);
  // The links have names of their own; the rest is decoration.
  const seen = { ariaHidden: "true" };
  const bars = { x: "day", y: "value", fill: "var(--bar)", pointerEvents: "none", ...seen };
  const notation = top < 10_000 ? "standard" : "compact";
  const shortNumber = (points) => points.toLocaleString("en", { notation });
  return [
    Plot.gridY({ ticks: 4, strokeOpacity: 0.2 }),
    Plot.barY(missed, { ...whole, ...seen, className: "missed" }),
    Plot.barY(days, { ...whole, fill: "transparent", href: "link", className: "touch" }),
    Plot.barY(days, bars),
    Plot.ruleY([0], seen),
    Plot.axisX(namedDays(days, width), { tickFormat: shortDate, tickSize: 3, label: null }),
    Plot.axisY({ ticks: 4, tickFormat: shortNumber, tickSize: 0, label: null }),
  ];
}

function plot(place, days) {
  const top = Math.max(4, ...days.map((day) => day.value ?? 0));
  // A few days do not need the whole width.
  const width = Math.max(280, Math.min(place.clientWidth, days.length * 72 + 64));
  return Plot.plot({
    marks: marks(days, top, width),
    className: "plot",
    width,
    height: HEIGHT,
    marginLeft: 44,
    x: { padding: 0.15, domain: days.map(({ day }) => day) },
    y: { domain: [0, top] },
  });
}

function followKeys(svg, links) {
  svg.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    const at = links.indexOf(document.activeElement);
    if (step === undefined || at < 0) {
      return;
    }
    event.preventDefault();
    links[at].tabIndex = -1;
    const next = links[Math.min(Math.max(at + step, 0), links.length - 1)];
    next.tabIndex = 0;
    next.focus();
  });
}

// One stop for the Tab key, not ninety: the latest day, from which the arrow keys go on.
function nameLinks(svg, days) {
  const links = [...svg.querySelectorAll("a")];
  days.filter((day) => day.link).forEach((day, place) => {
    links[place].setAttribute("aria-label", day.told);
    links[place].tabIndex = place === links.length - 1 ? 0 : -1;
  });
  followKeys(svg, links);
}

function tellDays(place, svg, days) {
  const readout = place.parentElement.querySelector("[data-readout]");
  const highest = readout.textContent;
  svg.querySelectorAll(".touch rect").forEach((rect, at) => {
    const tell = () => { readout.textContent = days[at].told; };
    rect.addEventListener("pointerenter", tell);
    rect.parentElement.addEventListener("focus", tell);
  });
  for (const gone of ["pointerleave", "focusout"]) {
    svg.addEventListener(gone, () => { readout.textContent = highest; });
  }
}

function draw(place) {
  const days = readDays(place);
  const svg = plot(place, days);
  svg.querySelector(".touch")?.removeAttribute("aria-label");
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", `${place.dataset.title}; the table below has the figures`);
  nameLinks(svg, days);
  tellDays(place, svg, days);
  place.replaceChildren(svg);
}

async function drawAll() {
  const places = [...document.querySelectorAll("[data-chart]")];
  if (places.length === 0) {
    return;
  }
  await Promise.all(LIBRARIES.map(load));
  places.forEach(draw);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (width !== window.innerWidth) {
      width = window.innerWidth;
      places.forEach(draw);
    }
  });
}

drawAll();
