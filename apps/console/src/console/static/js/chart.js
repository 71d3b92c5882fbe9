// Lines over months, drawn by uPlot. The chart is a picture with a sentence; its numbers lie in a table below it.
import { h } from "./dom.js";

const HEIGHT = 210;
const NARROW = 420; // pixels

// Canvas knows no light-dark(): an element is coloured and asked what came of it.
function resolved(name) {
  const probe = h("span", { style: { color: `var(${name})` } });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** A line each for `series` ({ color, values (numbers or null), dashed }) over `ticks`. `label` says it in a sentence;
 * `pointed(index or null)` hears of the mouse, `chosen(index)` of a click. */
export function lines(ticks, series, { label, pointed, chosen }) {
  const box = h("div", { class: "chart", role: "img", "aria-label": label });
  const data = [ticks.map((_, n) => n), ...series.map(({ values }) => values)];
  let drawn = null;

  function draw() {
    if (!box.isConnected || !box.clientWidth) return;
    drawn?.destroy();
    drawn = new globalThis.uPlot(options(box.clientWidth), data, box);
  }

  function options(width) {
    const card = resolved("--card");
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      padding: [12, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 9, fill: card, width: 2 } },
      scales: {
        x: { time: false, range: [-0.25, ticks.length - 0.75] },
        y: { range: (_, low, high) => span(low, high) },
      },
      axes: axes(ticks, width),
      series: [{}, ...series.map((one) => drawnLine(one, card))],
      hooks: { setCursor: [(u) => pointed(under(u))] },
    };
  }

  const under = (u) => (u.cursor.left >= 0 ? (u.cursor.idx ?? null) : null);
  box.addEventListener("click", () => {
    const n = drawn ? under(drawn) : null;
    if (n !== null) chosen(n);
  });
  new ResizeObserver(() => {
    if (drawn?.width !== box.clientWidth) draw();
  }).observe(box);
  return { box, draw };
}

function axes(ticks, width) {
  const stroke = resolved("--soft");
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const every = width < NARROW ? 3 : 2;
  const named = ticks.map((_, n) => n).filter((n) => (ticks.length - 1 - n) % every === 0);
  const both = { stroke, font, gap: 8, ticks: { show: false } };
  return [
    { ...both, size: 26, grid: { show: false }, splits: named, values: (_, at) => at.map((n) => ticks[n]) },
    { ...both, size: 40, grid: { stroke: resolved("--line"), width: 1 }, space: 44 },
  ];
}

function drawnLine({ color, dashed }, card) {
  const stroke = resolved(color);
  const points = dashed ? { show: false } : { show: true, size: 6, fill: card, stroke, width: 2 };
  return { stroke, width: dashed ? 1.5 : 2, dash: dashed ? [4, 4] : undefined, spanGaps: false, points };
}

// A line shows change: it gets the height, some air above and below, and no area that would have to begin at zero.
function span(low, high) {
  if (low === null || high === null) return [0, 1];
  const air = Math.max(3, (high - low) * 0.15);
  return [Math.floor((low - air) / 5) * 5, Math.ceil((high + air) / 5) * 5];
}
