// Draws the figures of the quality pages from the tables that stand beside them. Without it the tables say everything.
"use strict";
(() => {
  const styles = getComputedStyle(document.documentElement);
  const ink = styles.getPropertyValue("--ink").trim(), soft = styles.getPropertyValue("--soft").trim();
  const line = styles.getPropertyValue("--line").trim();
  const colours = ["#0b4f8a", "#a3480b", "#14663a", "#7a2e8e", "#8a6d00", "#33506b"];
  const strokes = ["solid", "dashed", "dotted", [8, 3, 2, 3], [12, 4], [2, 2]];
  const figure = (cell) => { const value = Number.parseFloat(cell.textContent.replaceAll(",", "")); return Number.isNaN(value) ? null : value; };

  function read(table) {
    const names = [...table.tHead.rows[table.tHead.rows.length - 1].cells].map((one) => one.textContent.trim());
    const rows = [...table.tBodies[0].rows].reverse();
    // `bar`: the first figure alone; else every column is a series.
    const told = table.dataset.chart === "bar" ? names.slice(1, 2) : names.slice(1);
    return { names: told, days: rows.map((one) => one.cells[0].textContent.trim()),
             series: told.map((_, at) => rows.map((one) => figure(one.cells[at + 1]))) };
  }

  function options(data, kind) {
    const size = Number.parseFloat(styles.fontSize) * 0.75, text = { color: soft, fontSize: size, fontFamily: getComputedStyle(document.body).fontFamily };
    const many = data.names.length > 1;
    return {
      animation: false, textStyle: text, color: colours, grid: { left: 48, right: 16, top: 16, bottom: 32 },
      xAxis: { type: "category", data: data.days, axisLabel: text, axisLine: { lineStyle: { color: soft } }, boundaryGap: kind !== "lines" },
      yAxis: { type: "value", scale: kind === "lines", axisLabel: text, splitLine: { lineStyle: { color: line } } },
      series: data.series.map((values, at) => ({
        name: data.names[at], data: values, connectNulls: true, type: kind !== "lines" ? "bar" : "line", stack: kind !== "lines" ? "all" : null,
        showSymbol: data.days.length < 40, symbolSize: 6, lineStyle: { width: 2, type: strokes[at % strokes.length] }, itemStyle: { color: colours[at % colours.length] },
      })),
    };
  }

  function key(data, place, kind) {
    const list = document.createElement("ul");
    list.className = "chart-key";
    data.names.forEach((name, at) => {
      const item = document.createElement("li");
      item.textContent = name;
      item.style.setProperty("--mark", colours[at % colours.length]);
      item.dataset.stroke = kind !== "lines" ? "bar" : ["solid", "dashed", "dotted"][Math.min(at, 2)];
      list.append(item);
    });
    place.after(list);
  }

  function draw(place) {
    const table = document.getElementById(place.dataset.table);
    if (!table || !window.echarts) return;
    const data = read(table), kind = table.dataset.chart;
    if (!data.days.length) return;
    place.hidden = false;
    const chart = window.echarts.init(place, null, { renderer: "canvas" });
    chart.setOption(options(data, kind));
    if (data.names.length > 1) key(data, place, kind);
    new ResizeObserver(() => chart.resize()).observe(place);
  }

  document.querySelectorAll(".chart").forEach(draw);
  performance.mark("board-ready");
})();
