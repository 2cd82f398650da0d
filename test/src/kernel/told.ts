/**
 * What a worker told, in order. Lines of others, such as those of a kernel that boots, are passed over.
 */
export class Told {
  readonly acknowledged: number[] = [];
  readonly refusals: string[] = [];
  readonly defects: string[] = [];
  isClosed = false;
  opened: { readonly digest: string; readonly lost: number; readonly damaged: number } | undefined;
  #rest = "";

  take(text: string): void {
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line.trim());
  }

  #line(line: string): void {
    const [kind, ...words] = line.split(" ");
    if (kind === "a") this.acknowledged.push(Number(words[0]));
    else if (kind === "c") this.isClosed = true;
    else if (kind === "o") {
      const [digest = "", lost, damaged] = words;
      this.opened = { digest, lost: Number(lost), damaged: Number(damaged) };
    } else if (kind === "f") this.refusals.push(words.join(" "));
    else if (kind === "!") this.defects.push(words.join(" "));
  }
}
