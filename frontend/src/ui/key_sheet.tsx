import { useStore } from "../state/use";
import { Dialog } from "./dialog";

/** All keys that do something here. */
export function KeySheet({ onClose }: { onClose(): void }) {
  const { shortcuts } = useStore();
  return (
    <Dialog title="Keys" onClose={onClose}>
      <table class="keys">
        <tbody>
          {shortcuts.value.map(({ key, what }) => (
            <tr key={key}>
              <td>
                <kbd>{key}</kbd>
              </td>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
