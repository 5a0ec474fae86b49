defmodule Extism.PluginSupervisor do
  @moduledoc """
  A supervisor of any number of plug-in processes, which are started and stopped while it runs.

      iex> {:ok, supervisor} = Extism.PluginSupervisor.start_link([])
      iex> {:ok, pid} = Extism.PluginSupervisor.start_plugin(supervisor, source: ~s{(module (func (export "run")))})
      iex> Extism.PluginServer.call(pid, "run")
      {:ok, ""}
      iex> Extism.PluginSupervisor.stop_plugin(supervisor, pid)
      :ok
  """

  use DynamicSupervisor

  alias Extism.PluginServer

  @doc "Starts a supervisor. Options are those of `DynamicSupervisor`."
  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options \\ []) do
    {name, options} = Keyword.split(options, [:name])
    DynamicSupervisor.start_link(__MODULE__, options, name)
  end

  @doc "Starts a plug-in process. Options are those of `Extism.PluginServer.start_link/1`."
  @spec start_plugin(Supervisor.supervisor(), [PluginServer.option()]) :: DynamicSupervisor.on_start_child()
  def start_plugin(supervisor, options) do
    DynamicSupervisor.start_child(supervisor, PluginServer.child_spec(options))
  end

  @doc "Stops a plug-in process."
  @spec stop_plugin(Supervisor.supervisor(), pid()) :: :ok | {:error, :not_found}
  def stop_plugin(supervisor, pid), do: DynamicSupervisor.terminate_child(supervisor, pid)

  @doc "The plug-in processes."
  @spec plugins(Supervisor.supervisor()) :: [pid()]
  def plugins(supervisor) do
    for {_, pid, _, _} <- DynamicSupervisor.which_children(supervisor), is_pid(pid), do: pid
  end

  @impl true
  def init(options), do: DynamicSupervisor.init([{:strategy, :one_for_one} | options])
end
