/** Plain tables and quantities for people to read. */

export type Align = "left" | "right";

export interface Column {
  readonly title: string;
  readonly align?: Align;
}

/** Decorates a finished piece of text (bold, red, …); the identity where colour is unwanted. */
export type Decorate = (text: string) => string;

/**
 * Lays out rows under their titles, two blanks between columns. Columns in which every cell is empty are left out.
 * Returns lines without trailing blanks.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  title: Decorate,
): string[] {
  const shown = columns
    .map(({ title: text, align }, index) => {
      const cells = rows.map((row) => printable(row[index] ?? ""));
      return {
        text,
        align,
        cells,
        width: cells.reduce((most, { length }) => Math.max(most, length), text.length),
      };
    })
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
  const line = (cell: (column: (typeof shown)[number]) => string): string =>
    shown
      .map((column) => {
        const text = cell(column);
        return column.align === "right" ? text.padStart(column.width) : text.padEnd(column.width);
      })
      .join("  ")
      .trimEnd();
  return [title(line(({ text }) => text)), ...rows.map((_, i) => line(({ cells }) => cells[i] ?? ""))];
}

/** Wraps words separated by blanks into lines of at most `width` characters. */
export function wrap(words: readonly string[], width: number, separator = "   "): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.map(printable)) {
    if (line !== "" && line.length + separator.length + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : line + separator + word;
  }
  return line === "" ? lines : [...lines, line];
}

/** Names come from other nodes: nothing in them may steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
}

/** `45 s`, `3 m 20 s`, `5 h 7 m`, `12 d 3 h`; below a second `0.4 s`. */
export function age(seconds: number | null): string {
  if (seconds === null) return "-";
  if (seconds < 1) return `${(Math.floor(Math.max(0, seconds) * 10) / 10).toFixed(1)} s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** Microseconds as milliseconds with three significant digits at most: `0.042`, `1.53`, `23.4`, `148`. */
export function milliseconds(us: number | null): string {
  if (us === null) return "-";
  const ms = us / 1000;
  const size = Math.abs(ms);
  return ms.toFixed(size < 0.9995 ? 3 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

/** A fraction as per cent: `0`, `0.3`, `12`. A loss that is not zero is never shown as zero. */
export function percent(fraction: number | null): string {
  if (fraction === null) return "-";
  const value = fraction * 100;
  if (value <= 0) return "0";
  return value < 0.1 ? "<0.1" : value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

/** Bytes in binary units: `812 B`, `1.5 KiB`, `37 MiB`. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let size = value;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit > 0 && size < 9.95 ? size.toFixed(1) : size.toFixed(0)} ${units[unit]}`;
}
