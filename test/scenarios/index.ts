/** Every scenario, for whichever world runs them. */
import { agentScenarios } from './agent-faults.js';
import { dataScenarios } from './data-faults.js';
import { membershipScenarios } from './membership-faults.js';
import { operationScenarios } from './operation-faults.js';
import { processScenarios } from './process-faults.js';
import { quorumScenarios } from './quorum-faults.js';
import type { Scenario } from './scenario.js';

export const scenarios: readonly Scenario[] = [
  ...processScenarios,
  ...dataScenarios,
  ...membershipScenarios,
  ...quorumScenarios,
  ...agentScenarios,
  ...operationScenarios,
];
