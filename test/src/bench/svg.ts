/** The little of SVG that the plots need: elements as text, escaped. */

type Attributes = Readonly<Record<string, string | number>>;

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

const attribute = ([name, value]: [string, string | number]): string =>
  ` ${name}="${escaped(typeof value === "number" ? String(Math.round(value * 10) / 10) : value)}"`;

export const element = (name: string, attributes: Attributes, ...children: string[]): string => {
  const opening = `<${name}${Object.entries(attributes).map(attribute).join("")}`;
  return children.length > 0 ? `${opening}>${children.join("")}</${name}>` : `${opening}/>`;
};

export const label = (text: string, attributes: Attributes): string =>
  element("text", attributes, escaped(text));

/** A whole image on white, which reads on a dark page too. */
export const image = (
  { width, height }: { readonly width: number; readonly height: number },
  title: string,
  children: readonly string[],
): string => {
  const size = { width, height };
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${height}`,
    "font-family": "sans-serif",
    "font-size": 12,
    ...size,
  };
  const head = label(title, { x: 16, y: 24, "font-size": 15, "font-weight": "bold" });
  const ground = element("rect", { ...size, fill: "#ffffff" });
  return `${element("svg", root, `\n${[ground, head, ...children].join("\n")}\n`)}\n`;
};

/** Told apart also by those who see no difference between red and green (Okabe and Ito). */
export const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"] as const;

export const colourAt = (index: number): string => colours[index % colours.length] ?? colours[0];
