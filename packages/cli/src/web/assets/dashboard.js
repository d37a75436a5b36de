/** Keeps the figures of the page fresh, and draws the rates. The page is whole without it. */
(() => {
  const EVERY_MS = 2_000;
  const SERIES = [
    ["own cache", "--local"],
    ["peers", "--peer"],
    ["hosted cache", "--hosted"],
    ["origin", "--origin"],
    ["served", "--served"],
  ];
  const connection = document.getElementById("connection");
  const chartHolder = document.getElementById("chart");
  let chart;
  let chartData;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const bytesText = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB"];
    let value = bytes;
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}/s`;
  };

  /** A young node's few figures are not drawn as if they were an hour's. */
  const LEAST_SPAN_S = 300;
  const timeText = (seconds) =>
    new Date(seconds * 1_000).toLocaleTimeString([], {
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });

  const makeChart = (data) => {
    chart?.destroy();
    const ink = colour("--soft");
    const line = colour("--line");
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    chart = new uPlot(
      {
        width: chartHolder.clientWidth || 600,
        height: 220,
        legend: { show: false },
        cursor: { show: false },
        axes: [
          { ...axis, space: 70, incrs: [60, 300, 600, 900], values: (_self, ticks) => ticks.map(timeText) },
          { ...axis, size: 80, values: (_self, ticks) => ticks.map(bytesText) },
        ],
        scales: {
          x: { range: (_self, least, most) => [Math.min(least, most - LEAST_SPAN_S), most] },
          y: { range: (_self, _least, most) => [0, Math.max(most ?? 0, 1024)] },
        },
        series: [{}, ...SERIES.map(([label, name]) => ({ label, stroke: colour(name), width: 2 }))],
      },
      data,
      chartHolder,
    );
    const canvas = chartHolder.querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute(
      "aria-label",
      "Bytes a second by source in the last hour; the table below has the figures",
    );
  };

  const draw = (data) => {
    if (data[0].length < 2) return;
    chartData = data;
    chartHolder.hidden = false;
    if (chart) chart.setData(data);
    else makeChart(data);
  };

  const show = (id, content) => {
    const holder = document.getElementById(id);
    if (!holder || holder.dataset.content === content) return;
    // What somebody reads or stands on stays as it is.
    if (holder.contains(document.activeElement) && document.activeElement !== document.body) return;
    const open = [...holder.querySelectorAll("details[open]")].map((one) => one.dataset.key);
    holder.innerHTML = content;
    holder.dataset.content = content;
    for (const details of holder.querySelectorAll("details"))
      details.open = open.includes(details.dataset.key);
  };

  const refresh = async () => {
    try {
      const answer = await fetch("/state.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const state = await answer.json();
      document.title = `${state.title} - BranchCache`;
      for (const [id, content] of Object.entries(state.sections)) show(id, content);
      draw(state.chart);
      connection.textContent = "";
    } catch {
      connection.textContent = "The daemon does not answer: these figures are old.";
    }
    setTimeout(refresh, EVERY_MS);
  };

  addEventListener("resize", () => chart?.setSize({ width: chartHolder.clientWidth, height: 220 }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener(
    "change",
    () => chartData && makeChart(chartData),
  );
  void refresh();
})();
