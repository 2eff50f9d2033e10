import { runLabel } from "../logic/run_words";
import type { Run } from "../report/contract";
import { Select } from "./fields";

interface Props {
  runs: readonly Run[];
  run: string;
  /** The run that it is compared with; empty for none. */
  base: string;
  /** What comparing with none is called; absent where one is always compared with. */
  none?: string;
  onRun(id: string): void;
  onBase(id: string): void;
}

/** Which run is shown, and which one it is compared with; nothing where there is no choice. */
export function RunChoice({ runs, run, base, none, onRun, onBase }: Props) {
  if (runs.length < 2) return null;
  const options = runs.map((one) => ({ value: one.id, label: runLabel(one) }));
  const others = options.filter(({ value }) => value !== run);
  return (
    <>
      <Select label="Run" value={run} options={options} onChange={onRun} />
      <Select
        label="Baseline run"
        value={base}
        options={none === undefined ? others : [{ value: "", label: none }, ...others]}
        onChange={onBase}
      />
    </>
  );
}
