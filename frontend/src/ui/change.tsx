import { ARROWS, judge } from "../logic/direction";
import { formatChange } from "../logic/format";
import type { Metric } from "../report/contract";

interface Props {
  metric: Metric | undefined;
  change: number;
  /** How the change is written, where not as a difference. */
  text?: string;
}

/** A change with its sign; better and worse are told by an arrow and a word, not by colour alone. */
export function Change({ metric, change, text = formatChange(change) }: Props) {
  const judgement = judge(metric, change);
  const isJudged = judgement === "better" || judgement === "worse";
  return (
    <span class={isJudged ? `change ${judgement}` : "change"}>
      {isJudged && <span aria-hidden="true">{ARROWS[judgement]} </span>}
      {text}
      {isJudged && <span class="hidden"> ({judgement})</span>}
    </span>
  );
}
