// Lines over months, drawn by uPlot. The chart is a picture with a sentence; its numbers lie in a table below it.
import { h } from "./dom.js";

// Canvas knows no light-dark(): an element is coloured and asked what came of it.
function resolved(name) {
  const probe = h("span", { style: { color: `var(${name})` } });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** A line of `points` ({ label, value or null }). `label` says it in a sentence; `pointed(index or null)` hears of the
 * mouse, `chosen(index)` of a click. */
export function line(points, { label, tick, pointed, chosen }) {
  const box = h("div", { class: "chart", role: "img", "aria-label": label });
  let drawn = null;

  function draw() {
    if (!box.isConnected || !box.clientWidth) return;
    drawn?.destroy();
    drawn = new globalThis.uPlot(options(box.clientWidth), [points.map((_, n) => n), points.map((p) => p.value)], box);
  }

  function options(width) {
    const [accent, soft, rule, card] = ["--accent", "--soft", "--line", "--card"].map(resolved);
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const every = width < 420 ? 3 : 2;
    return {
      width,
      height: 210,
      legend: { show: false },
      padding: [12, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 9, fill: accent, stroke: card, width: 2 } },
      scales: {
        x: { time: false, range: [-0.25, points.length - 0.75] },
        y: { range: (_, low, high) => span(low, high) },
      },
      axes: [
        {
          stroke: soft,
          font,
          size: 26,
          gap: 8,
          grid: { show: false },
          ticks: { show: false },
          splits: points.map((_, n) => n).filter((n) => (points.length - 1 - n) % every === 0),
          values: (_, at) => at.map((n) => tick(points[n])),
        },
        { stroke: soft, font, size: 40, gap: 8, grid: { stroke: rule, width: 1 }, ticks: { show: false }, space: 44 },
      ],
      series: [
        {},
        {
          stroke: accent,
          width: 2,
          spanGaps: false,
          points: { show: true, size: 6, fill: card, stroke: accent, width: 2 },
        },
      ],
      hooks: { setCursor: [(u) => pointed(u.cursor.left >= 0 ? u.cursor.idx : null)] },
    };
  }

  box.addEventListener("click", () => {
    if (drawn?.cursor.idx != null && drawn.cursor.left >= 0) chosen(drawn.cursor.idx);
  });
  new ResizeObserver(() => {
    if (drawn?.width !== box.clientWidth) draw();
  }).observe(box);
  return { box, draw };
}

// A line shows change: it gets the height, whole tens above and below, and no area that would have to begin at zero.
function span(low, high) {
  if (low === null || high === null) return [0, 1];
  const air = Math.max(5, (high - low) * 0.35);
  return [Math.floor((low - air) / 10) * 10, Math.ceil((high + air) / 10) * 10];
}
