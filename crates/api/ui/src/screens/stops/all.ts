// What plans, shows and ends stops as one file of the built page.

export { StopLines } from './lines';
export { MachineStops } from './machine';
export { PlanSheet } from './plan_sheet';
export { StopsScreen } from './stops';
