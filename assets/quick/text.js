// The text of one quick entry, and which parts of it are read.
import { fullMatch, search } from "./grammar.js";

const ENDS = /^[ \t,。;、:!?]+|[ \t,。;、:!?]+$/g;

function plainCharacter(char) {
  if (/\p{Pd}/u.test(char)) return "-";
  if (char === "、" || char === "。") return char;
  if (/\s/.test(char)) return " ";
  const half = char.normalize("NFKC");
  return half.length === char.length ? half : char;
}

// In half-width characters and plain dashes, as long as it was.
export const plain = (text) => [...text].map(plainCharacter).join("");

export function number(text) {
  if (/^\d+$/.test(text)) return Number(text);
  const digit = (char) => (char === "〇" ? 0 : char === "两" ? 2 : "零一二三四五六七八九".indexOf(char));
  text = text.replace("廿", "二十").replace("卅", "三十");
  const ten = text.lastIndexOf("十");
  if (ten < 0) return digit(text);
  const [tens, ones] = [text.slice(0, ten), text.slice(ten + 1)];
  return (tens ? digit(tens) : 1) * 10 + (ones ? digit(ones) : 0);
}

// As long as before, without the part.
export const hidden = (text, start, end) => text.slice(0, start) + "。".repeat(end - start) + text.slice(end);

export const meets = (one, other) => one.start < other.end && other.start < one.end;
export const inOrder = (one, other) => one.span.start - other.span.start || one.span.end - other.span.end;

export const READ = "\u25aa"; // stands for a character that is read
export const READ_NAME = "\u25ab"; // for one of a company's name

export class Line {
  constructor(text) {
    this.text = text;
    this.plain = plain(text);
    this.taken = [];
  }

  take(start, end) {
    this.taken.push({ start, end });
    return this.text.slice(start, end).replace(ENDS, "");
  }

  release(spans) {
    this.taken = this.taken.filter((one) => !spans.some((span) => span.start === one.start && span.end === one.end));
  }

  isFree(start, end) {
    return !this.taken.some((span) => meets({ start, end }, span));
  }

  // The first place from there on that is not read yet.
  nextFree(at) {
    while (at < this.text.length && !this.isFree(at, at + 1)) at += 1;
    return at;
  }

  // As long as before, with marks for what is read; not for the part `seen`.
  unread(text, seen = null) {
    for (const span of this.taken) {
      if (seen && span.start === seen.start && span.end === seen.end) continue;
      const size = Math.min(span.end, text.length) - span.start;
      text = text.slice(0, span.start) + READ.repeat(size) + text.slice(span.end);
    }
    return text;
  }

  // The part between two punctuation marks that holds the position.
  clauseAt(at) {
    const marks = [...",。;!?"];
    const text = this.plain.slice(0, at);
    const ends = marks.map((mark) => this.plain.indexOf(mark, at)).filter((found) => found >= 0);
    return {
      start: Math.max(...marks.map((mark) => text.lastIndexOf(mark))) + 1,
      end: Math.min(this.plain.length, ...ends),
    };
  }

  rest() {
    const pieces = [];
    let at = 0;
    const spans = [...this.taken].sort((one, other) => one.start - other.start || one.end - other.end);
    for (const span of [...spans, { start: this.text.length, end: this.text.length }]) {
      const piece = this.text.slice(at, Math.max(at, span.start));
      if (!fullMatch("glue", plain(piece))) {
        const trimmed = piece.replace(/^[ ,，。；;、]+|[ ,，。；;、]+$/g, "").replace(/^[）)，, ]+|[（(]+$/g, "");
        const begun = trimmed.replace(/^(?:了(?!解)|的)+/, "");
        // what led to a part that is read says nothing without it: 刚才跟王总
        const led = span.start < this.text.length ? search("led", begun) : null;
        pieces.push((led ? begun.slice(0, led.index) : begun).replace(/[ ,，、]+$/, ""));
      }
      at = Math.max(at, span.end);
    }
    return pieces.join("，");
  }
}
