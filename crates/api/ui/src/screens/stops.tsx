// Fetches what plans, shows and ends stops when it is first needed.

import { later } from '../parts/later';
import { Skeleton } from '../parts/notice';
import type { LinesProps } from './stops/lines';
import type { MachineProps } from './stops/machine';
import type { PlanProps } from './stops/plan_sheet';

const useParts = later(() => import('./stops/all'));

export function StopsScreen() {
  const parts = useParts();
  return parts ? <parts.StopsScreen /> : <Skeleton rows={6} />;
}

/** As `StopLines` in `stops/lines.tsx`. */
export function StopLines(props: LinesProps) {
  const parts = useParts();
  return parts && <parts.StopLines {...props} />;
}

/** As `MachineStops` in `stops/machine.tsx`. */
export function MachineStops(props: MachineProps) {
  const parts = useParts();
  return parts ? <parts.MachineStops {...props} /> : <Skeleton rows={2} />;
}

/** As `PlanSheet` in `stops/plan_sheet.tsx`. */
export function PlanSheet(props: PlanProps) {
  const parts = useParts();
  return parts && <parts.PlanSheet {...props} />;
}
