// Streamlit calls a component's default export at mount, and again whenever data or theme change; what stands there stays.

/**
 * The default export of a component: `build(root, data)` makes the one object of a root, with `accept(component)` and `dispose()`.
 *
 * A call that the next one overtakes before its modules are loaded is ended as soon as they are, though the component stands.  So the end
 * of a call means only that it is time to look whether the root has left the page.
 */
export function mounted(build) {
  const held = new WeakMap();
  return (component) => {
    const { parentElement: root, data } = component;
    if (!held.has(root)) held.set(root, build(root, data));
    held.get(root).accept(component);
    return () => setTimeout(() => {
      if (root.isConnected) return;
      held.get(root)?.dispose();
      held.delete(root);
    });
  };
}
