// Dates and times as the server writes them for people.
export const two = (number) => String(number).padStart(2, "0");

// `weekday`: Sunday 0.
export const fullDay = ({ year, month, day, weekday }) => `${year}年${month}月${day}日 周${"日一二三四五六"[weekday]}`;
